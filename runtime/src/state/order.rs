//! The order of a restore: the phases of the table, then the table's order, then what has no row.

use super::{Entry, Key, VcpuState};
use crate::table::{Info, Table};

/// Position in a restore; within a phase, blocks come after registers.
type Order<'a> = (usize, bool, Option<&'static Info>, &'a Key);

/// Returns the phase of a register; one without a row comes after all of them.
pub(super) fn phase_of(info: Option<&'static Info>) -> usize {
    info.map_or(usize::MAX, phase_of_row)
}

impl Entry {
    /// Returns the position of the register or block.
    pub(super) fn order(&self) -> Order<'_> {
        (self.phase(), self.block.is_some(), self.info, &self.key)
    }

    /// Returns the phase; what this build's table lacks comes after all of them.
    fn phase(&self) -> usize {
        match (self.info, self.carrier()) {
            (Some(info), _) => phase_of_row(info),
            (None, Some(carrier)) => carrier.block.map_or(0, usize::from),
            (None, None) => usize::MAX,
        }
    }

    /// Returns the name of the phase.
    pub(super) fn phase_name(&self, table: &'static Table) -> &'static str {
        match self.phase() {
            usize::MAX => "without a row",
            phase => table.phases.get(phase).copied().unwrap_or("only"),
        }
    }
}

fn phase_of_row(info: &'static Info) -> usize {
    info.row.phase.map_or(0, usize::from)
}

impl VcpuState {
    /// Returns the registers and blocks phase by phase.
    pub(super) fn phases(&self) -> impl Iterator<Item = &[Entry]> {
        self.entries.chunk_by(|a, b| a.phase() == b.phase())
    }
}
