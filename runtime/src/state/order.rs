//! The order of a restore: the phases of the table, then the table's order, then what has no row.

use super::{Entry, Key, VcpuState};
use crate::table::{Info, Table};

/// Position of a register in a restore.
type Order<'a> = (usize, Option<&'static Info>, &'a Key);

/// Returns the position of a register; one without a row comes after all phases.
pub(super) fn of<'a>(info: Option<&'static Info>, key: &'a Key) -> Order<'a> {
    (phase(info), info, key)
}

/// Returns the phase of a register.
pub(super) fn phase(info: Option<&'static Info>) -> usize {
    match info {
        Some(info) => info.row.phase.map_or(0, usize::from),
        None => usize::MAX,
    }
}

/// Returns the name of the phase of a register.
pub(super) fn phase_name(table: &'static Table, info: Option<&'static Info>) -> &'static str {
    match info {
        Some(info) => {
            info.row.phase.and_then(|phase| table.phases.get(usize::from(phase)).copied())
        }
        None => Some("without a row"),
    }
    .unwrap_or("only")
}

impl VcpuState {
    /// Returns the registers phase by phase.
    pub(super) fn phases(&self) -> impl Iterator<Item = &[Entry]> {
        self.entries.chunk_by(|a, b| phase(a.info) == phase(b.info))
    }
}
