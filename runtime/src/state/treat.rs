//! What a restore does with a register: a function of what its row says.

use super::restore::{Outcome, VmWide};
use crate::table::{Access, Class, Row, Scope, WriteRule};

/// What a restore does with a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Treatment {
    /// Writes it.
    Write,
    /// Writes it where the vCPU has another value: the kernel may refuse even the same one, or a write has effects.
    WriteOther,
    /// Compares it: it must have the value already.
    Compare,
    /// Leaves it alone.
    Leave(Outcome),
}

/// Returns what a restore does with a register.
pub(super) fn of(row: Option<&Row>, vm_wide: VmWide) -> Treatment {
    let Some(row) = row else { return Treatment::Write };
    match (row.access, row.write, row.class) {
        (Access::WriteOnly, ..) | (.., Class::Derived) => Treatment::Leave(Outcome::Derived),
        _ if row.scope == Scope::Vm && vm_wide == VmWide::Leave => {
            Treatment::Leave(Outcome::OtherVcpu)
        }
        (Access::ReadOnly, ..) | (_, WriteRule::MustMatch | WriteRule::BeforeFinalize, _) => {
            Treatment::Compare
        }
        (.., Class::PreFinalize) => Treatment::Compare,
        (_, WriteRule::BeforeFirstRun, _) | (.., Class::Identity | Class::WriteOnce) => {
            Treatment::WriteOther
        }
        (.., Class::State | Class::Volatile | Class::VmWide) => Treatment::Write,
    }
}

/// Returns what is done with a register before the vCPU is finalized.
pub(super) fn before_finalize(row: Option<&Row>) -> Treatment {
    match row {
        Some(row) if row.class == Class::PreFinalize => Treatment::WriteOther,
        _ => Treatment::Leave(Outcome::Pending),
    }
}
