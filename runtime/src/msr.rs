//! Which ids are those of x86's model-specific registers.

#[cfg(feature = "x86")]
use crate::{register::Place, x86::EFER};

/// Bits 63..32 of the id of every MSR; `None` in a build without x86.
#[cfg(feature = "x86")]
pub(crate) const SPACE: Option<u64> = match EFER.place() {
    Place::OneReg(id) => Some(id >> 32),
    _ => None,
};
#[cfg(not(feature = "x86"))]
pub(crate) const SPACE: Option<u64> = None;

/// Returns the number of the MSR with this id; `None` for the id of anything else.
#[inline]
pub(crate) fn index(id: u64) -> Option<u32> {
    (SPACE == Some(id >> 32)).then_some(id as u32)
}
