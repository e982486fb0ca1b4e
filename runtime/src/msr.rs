//! Which ids are those of x86's model-specific registers.

use crate::register::Place;
use crate::x86::EFER;

/// Bits 63..32 of the id of every MSR.
pub(crate) const SPACE: u64 = match EFER.place() {
    Place::OneReg(id) => id >> 32,
    _ => 0,
};

/// Returns the number of the MSR with this id; `None` for the id of anything else.
#[inline]
pub(crate) fn index(id: u64) -> Option<u32> {
    (id >> 32 == SPACE).then_some(id as u32)
}
