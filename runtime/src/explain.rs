//! What an errno means for one register, and what to do about it: all of it from what its row says.

use core::fmt;

use crate::bits::{Field, FieldKind};
use crate::error::Operation;
use crate::table::{Access, Class, Digits, Info, Row, Table, WriteRule};

/// A refused access to a register that a table has.
pub(crate) struct Refused<'a> {
    /// The architecture's table.
    pub(crate) table: &'static Table,
    /// The register.
    pub(crate) info: &'static Info,
    /// What was tried.
    pub(crate) operation: Operation,
    /// Name of the errno; empty for one that the table does not name.
    pub(crate) errno: &'static str,
    /// The value that was refused, in the host's byte order; empty where it is not known.
    pub(crate) value: &'a [u8],
}

/// What kind of reason an errno stands for, on every architecture.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// The call, whatever the register.
    Call,
    /// The vCPU does not have the register.
    Absent,
    /// The access comes too early or too late.
    Order,
    /// One of the last two, or the value.
    Any,
}

impl Cause {
    fn of(errno: &str) -> Cause {
        match errno {
            "EFAULT" | "ENOMEM" | "ENOEXEC" => Cause::Call,
            "ENOENT" | "ENXIO" => Cause::Absent,
            "EBUSY" | "EPERM" => Cause::Order,
            _ => Cause::Any,
        }
    }
}

impl fmt::Display for Refused<'_> {
    /// Writes clauses, each with a semicolon before it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = self.info.row;
        self.value(f)?;
        let cause = Cause::of(self.errno);
        if cause == Cause::Call {
            return f.write_str(call(self.errno));
        }
        match (self.operation, row.access) {
            (Operation::Set, Access::ReadOnly) => {
                return f.write_str("; it is read-only: leave it out of what is written");
            }
            (Operation::Get, Access::WriteOnly) => {
                return f.write_str("; it is write-only: leave it out of what is read");
            }
            _ => {}
        }
        if cause != Cause::Absent {
            self.order(f, cause)?;
        }
        if cause == Cause::Any {
            self.reserved(f)?;
        }
        if cause != Cause::Order {
            conditions(f, row)?;
        }
        self.errata(f, cause)
    }
}

impl Refused<'_> {
    fn value(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value {
            [] => Ok(()),
            value if self.info.row.fields.is_empty() => {
                write!(f, "; refused value: {}", Digits(value))
            }
            value => write!(f, "; refused value: {}", self.info.format(value)),
        }
    }

    /// Says when the register takes which writes.
    fn order(&self, f: &mut fmt::Formatter<'_>, cause: Cause) -> fmt::Result {
        let row = self.info.row;
        if self.operation == Operation::Set {
            f.write_str(write_rule(row, cause))?;
            if let (Some(since), true) = (row.write_since, row.write != WriteRule::Any) {
                write!(f, " (since Linux {since})")?;
            }
        }
        let finalized = self.errno == "EPERM" && row.write != WriteRule::BeforeFinalize;
        if finalized && self.is_there_once_finalized() {
            f.write_str("; it is there once the vCPU is finalized: finalize it first")?;
        }
        Ok(())
    }

    /// Whether a register that is fixed by finalizing a vCPU needs what this one needs.
    fn is_there_once_finalized(&self) -> bool {
        let needs = self.info.row.requires;
        self.table.registers.iter().map(|other| other.row).any(|other| {
            other.class == Class::PreFinalize
                && !other.requires.is_empty()
                && other.requires.iter().all(|need| needs.contains(need))
        })
    }

    /// Names the bits of the refused value that are in no field.
    fn reserved(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = self.info.row;
        let Some(bits) = Digits(self.value).number().filter(|_| !row.fields.is_empty()) else {
            return Ok(());
        };
        match bits & !described(row.fields) {
            0 => Ok(()),
            reserved => write!(f, "; bits {reserved:#x} are in none of its fields: clear them"),
        }
    }
}

impl Refused<'_> {
    /// Writes the errata of this errno and, of a write that did not merely come too early or late, those of none.
    fn errata(&self, f: &mut fmt::Formatter<'_>, cause: Cause) -> fmt::Result {
        let names = |erratum: &str, errno: &str| !errno.is_empty() && erratum.contains(errno);
        let of_none = |erratum: &str| {
            self.operation == Operation::Set
                && cause != Cause::Order
                && !self.table.errors.iter().any(|errno| names(erratum, errno.name))
        };
        let mut errata = self.info.row.errata.iter();
        errata.try_for_each(|erratum| {
            if names(erratum, self.errno) || of_none(erratum) {
                write!(f, "; note: {erratum}")
            } else {
                Ok(())
            }
        })
    }
}

/// Returns the bits that fields describe, but for those that are zero.
fn described(fields: &[Field]) -> u128 {
    let used =
        fields.iter().filter(|field| !matches!(field.kind, FieldKind::Res0 | FieldKind::Raz));
    used.filter_map(|field| field.insert(0, u128::MAX >> (128 - field.width())))
        .fold(0, |bits, field| bits | field)
}

/// Says what to do about an errno that has nothing to do with the register.
fn call(errno: &str) -> &'static str {
    match errno {
        "ENOEXEC" => "; initialize the vCPU before its registers are accessed",
        "EFAULT" => "; give the address of mapped memory as large as the register",
        _ => "; free memory of the host and try again",
    }
}

fn write_rule(row: &Row, cause: Cause) -> &'static str {
    match (row.write, row.class) {
        (WriteRule::MustMatch, _) => {
            "; it accepts only its present value: leave it out, or take a host and vCPU that have this one"
        }
        (WriteRule::BeforeFirstRun, _) if cause == Cause::Order => {
            "; it takes a new value only before the first KVM_RUN: write it before"
        }
        (WriteRule::BeforeFirstRun, _) => {
            "; it takes a new value only before the first KVM_RUN, and one that the host supports: write it before, or \
             one that says less"
        }
        (WriteRule::UntilFirstRun, _) => {
            "; it takes no write after the first KVM_RUN, not even of its present value: write it before"
        }
        (WriteRule::BeforeFinalize, _) => {
            "; it can be written only before the vCPU is finalized (KVM_ARM_VCPU_FINALIZE): write it before"
        }
        (WriteRule::ClearOnce, _) => "; it takes 0 only while it is not 0: write 0 once",
        (WriteRule::VcpuBits, _) => {
            "; it takes only bits that the vCPU has: leave the others out, or give the vCPU what they need"
        }
        (WriteRule::UpTo, _) => {
            "; it takes a value up to that of a new vCPU: leave it out, or take a host that has as much"
        }
        (WriteRule::Any, Class::WriteOnce) => "; it takes one write: write it once, to a new vCPU",
        (WriteRule::Any, _) if cause == Cause::Any && row.requires.is_empty() => {
            "; give it a value that the guest itself could"
        }
        (WriteRule::Any, _) => "",
    }
}

/// Says what a vCPU with the register needs.
fn conditions(f: &mut fmt::Formatter<'_>, row: &Row) -> fmt::Result {
    if row.hidden {
        f.write_str("; no vCPU has it: leave it out")?;
    }
    match (row.since, row.until) {
        (Some(since), None) => write!(f, "; kernels have it since Linux {since}")?,
        (None, Some(until)) => write!(f, "; kernels have it until Linux {until}")?,
        (Some(since), Some(until)) => {
            write!(f, "; kernels have it since Linux {since} until Linux {until}")?;
        }
        (None, None) => {}
    }
    if let Some(xlen) = row.xlen {
        write!(f, "; only hosts with an XLEN of {xlen} have it")?;
    }
    row.requires.iter().try_for_each(|condition| self::condition(f, condition))
}

/// Says how a condition `KIND:NAME` is met.
fn condition(f: &mut fmt::Formatter<'_>, condition: &str) -> fmt::Result {
    let (kind, names) = condition.split_once(':').unwrap_or(("", condition));
    let (names, dates) = names.split_once('@').unwrap_or((names, ""));
    f.write_str("; ")?;
    match dates.split_once("..") {
        Some((_, until)) => write!(f, "until Linux {until} ")?,
        None if dates.is_empty() => {}
        None => write!(f, "since Linux {dates} ")?,
    }
    let (what, remedy) = met(kind, names.starts_with('!'));
    write!(f, "it needs {what}")?;
    for (index, name) in names.split('|').enumerate() {
        let separator = if index == 0 { "" } else { " or " };
        write!(f, "{separator}{}", name.strip_prefix('!').unwrap_or(name))?;
    }
    f.write_str(remedy)
}

/// Returns what a condition of that kind is of, and how it is met.
fn met(kind: &str, without: bool) -> (&'static str, &'static str) {
    match (kind, without) {
        ("feature", true) => {
            ("a vCPU without the feature ", ": leave it out of KVM_ARM_VCPU_INIT, or this register")
        }
        (_, true) => ("a vCPU without ", ": leave that out, or this register"),
        ("cap", _) => {
            ("the capability ", ": enable it (KVM_ENABLE_CAP), or take a kernel that has it")
        }
        ("feature", _) => ("the vCPU feature ", ": initialize the vCPU with it"),
        ("isa", _) => ("the ISA extension ", ": switch it on before the first KVM_RUN"),
        ("sbi", _) => ("the SBI extension ", ": switch it on before the first KVM_RUN"),
        ("cpuid", _) => ("the CPUID flag ", ": give it to the guest first (KVM_SET_CPUID2)"),
        ("id", _) => ("the ID register field ", ": give it to the vCPU before the first KVM_RUN"),
        ("host", _) => ("a host with ", ": take one whose CPU has it and whose KVM supports it"),
        ("device", _) => ("the in-kernel device ", ": create it first"),
        ("backend", _) => ("the KVM backend ", ": take a host that runs it"),
        ("config", _) => ("the kernel option ", ": take a kernel built with it"),
        _ => ("", ""),
    }
}
