//! What a restore does with a register: a function of what its row says.

use super::restore::{Outcome, VmWide};
use crate::table::{Access, Class, Listed, Row, Scope, WriteRule};

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
        (_, WriteRule::BeforeFirstRun | WriteRule::ClearOnce | WriteRule::UpTo, _)
        | (.., Class::Identity | Class::WriteOnce) => Treatment::WriteOther,
        _ if may_lack_it(row) => Treatment::WriteOther,
        (.., Class::State | Class::Volatile | Class::VmWide) => Treatment::Write,
    }
}

/// Kinds of conditions that hold for all vCPUs of a host, or for none.
const OF_HOST: [&str; 3] = ["host:", "config:", "backend:"];

/// Whether a vCPU may lack the register although it was read: no list of the vCPU has it, and its conditions are not those
/// of the host alone. x86 reads such MSRs as their reset value and refuses every write.
fn may_lack_it(row: &Row) -> bool {
    let of_host = |condition: &str| OF_HOST.iter().any(|kind| condition.starts_with(kind));
    row.listed != Listed::RegList && row.requires.iter().any(|condition| !of_host(condition))
}

/// Returns what is done with a register before the vCPU is finalized.
pub(super) fn before_finalize(row: Option<&Row>) -> Treatment {
    match row {
        Some(row) if row.class == Class::PreFinalize => Treatment::WriteOther,
        _ => Treatment::Leave(Outcome::Pending),
    }
}
