//! Why a state was not restored.

use std::fmt;

use super::difference::Difference;
use crate::error::Error;

/// A register that stopped a restore.
#[derive(Debug, Clone)]
pub enum Refusal {
    /// It could not be read or written.
    Access(Error),
    /// It cannot be written, and the vCPU has another value.
    Differs(Difference),
}

impl Refusal {
    /// Returns the register's name, where the table has one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Refusal::Access(error) => error.name(),
            Refusal::Differs(difference) => Some(difference.name()),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Access(error) => error.fmt(f),
            Refusal::Differs(difference) => {
                write!(f, "{difference}: it cannot be written and has to match")
            }
        }
    }
}

/// Why a state was not restored.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum RestoreError {
    /// It is of another architecture; nothing was written.
    Architecture {
        /// The state's.
        state: &'static str,
        /// The vCPU's.
        target: &'static str,
    },
    /// Its registers have other widths or another byte order; nothing was written.
    Host {
        /// What differs.
        what: &'static str,
        /// The state's.
        state: usize,
        /// The vCPU's.
        target: usize,
    },
    /// It has registers that this build's table lacks; nothing was written.
    Unknown {
        /// Architecture.
        arch: &'static str,
        /// All of them.
        registers: Vec<String>,
    },
    /// The vCPU did not take registers: it is restored in part and must not run.
    Refused {
        /// Architecture.
        arch: &'static str,
        /// Phase that the restore stopped in.
        phase: &'static str,
        /// How many registers were written.
        written: usize,
        /// How many the state has.
        total: usize,
        /// All that failed in this phase.
        refusals: Vec<Refusal>,
    },
}

impl RestoreError {
    /// Returns the registers that stopped the restore.
    pub fn refusals(&self) -> &[Refusal] {
        match self {
            RestoreError::Refused { refusals, .. } => refusals,
            _ => &[],
        }
    }
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RestoreError::Architecture { state, target } => {
                write!(f, "a state of {state} cannot be restored into a vCPU of {target}")
            }
            RestoreError::Host { what, state, target } => {
                write!(f, "the {what} of the state is {state}, that of the vCPU {target}")
            }
            RestoreError::Unknown { arch, registers } => {
                write!(f, "the state has registers that this build's table of {arch} lacks: ")?;
                f.write_str(&registers.join(", "))?;
                f.write_str(": take a newer build, or carry or skip them")
            }
            RestoreError::Refused { arch, phase, written, total, refusals } => {
                for (index, refusal) in refusals.iter().enumerate() {
                    write!(f, "{}{refusal}", if index == 0 { "" } else { "; " })?;
                }
                write!(f, " ({arch}, phase {phase}: {written} of {total} registers written,")?;
                f.write_str(" the vCPU must not run)")
            }
        }
    }
}

impl std::error::Error for RestoreError {}
