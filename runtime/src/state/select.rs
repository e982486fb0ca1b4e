//! Which registers a capture reads.

use crate::register::{Arch, Place};
use crate::registers::Host;
use crate::table::{Access, Info, Listed};

/// Which registers a vCPU has, as far as that is known before they are read.
#[derive(Debug, Clone, Copy)]
pub enum Present<'a> {
    /// Nobody lists them (powerpc, s390, loongarch, x86 before its lists): every readable row of the table is tried.
    Table,
    /// These ids, and the readable rows that no list ever has.
    Listed(&'a [u64]),
}

/// What becomes of an id that no row of the table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unknown {
    /// The capture or restore fails, and names all of them.
    #[default]
    Refuse,
    /// It is read and written as raw bytes, after everything that has a row.
    Carry,
    /// It is left out, and returned.
    Skip,
}

/// A register that a capture reads.
pub(super) struct Selected {
    pub(super) place: Place,
    pub(super) info: Option<&'static Info>,
    pub(super) promise: Promise,
}

/// What the kernel says of a register before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Promise {
    /// Nothing: the table has it, or a list of what vCPUs may have.
    None,
    /// It lists it, and the row has conditions: mips lists the floating-point registers of vCPUs without them.
    Conditional,
    /// It lists it.
    Firm,
}

/// What a capture reads, and which listed ids have no row.
pub(super) struct Selection {
    pub(super) selected: Vec<Selected>,
    pub(super) unknown: Vec<u64>,
}

/// Selects the readable registers, in the table's order: those listed, and the rows that their list would not have.
pub(super) fn select<A: Arch>(host: Host, present: Present<'_>) -> Selection {
    let mut ids = match present {
        Present::Table => Vec::new(),
        Present::Listed(ids) => ids.to_vec(),
    };
    ids.sort_unstable();
    ids.dedup();
    let mut has_row = vec![false; ids.len()];
    let mut selected = Vec::new();
    for info in A::TABLE.registers {
        let at = info.place.id(host).and_then(|id| ids.binary_search(&id).ok());
        match at.and_then(|at| has_row.get_mut(at)) {
            Some(has_row) => {
                if is_readable(info) && !*has_row {
                    selected.push(listed(info));
                }
                *has_row = true;
            }
            None if is_tried(info, present) => selected.push(tried(info)),
            None => {}
        }
    }
    let unknown = ids.into_iter().zip(has_row).filter(|(_, has_row)| !has_row);
    Selection { selected, unknown: unknown.map(|(id, _)| id).collect() }
}

fn tried(info: &'static Info) -> Selected {
    Selected { place: info.place, info: Some(info), promise: Promise::None }
}

/// The MSR lists name what the host has; whether a vCPU has it too depends on its CPUID.
fn listed(info: &'static Info) -> Selected {
    let promise = match (info.row.listed, info.row.requires) {
        (Listed::RegList, []) => Promise::Firm,
        (Listed::RegList, _) => Promise::Conditional,
        _ => Promise::None,
    };
    Selected { place: info.place, info: Some(info), promise }
}

/// Whether the row is worth a read although nothing lists it.
fn is_tried(info: &Info, present: Present<'_>) -> bool {
    let unlisted = match present {
        Present::Table => true,
        Present::Listed(_) => info.row.listed == Listed::Never,
    };
    unlisted && !info.row.hidden && is_readable(info) && !matches!(info.place, Place::Plain { .. })
}

fn is_readable(info: &Info) -> bool {
    info.row.access != Access::WriteOnly
}
