//! x86's model-specific registers by KVM_GET_MSRS and KVM_SET_MSRS: many at once, and all there is before Linux 6.18.

use std::iter;
use std::ops::ControlFlow;
use std::os::fd::BorrowedFd;

use super::ioctl::Msrs;
use crate::error::ErrorKind;
use crate::msr::SPACE;

/// What it means that the kernel stopped at an MSR: it gives no errno, and KVM_GET_ONE_REG would give this one.
const REFUSED: ErrorKind = ErrorKind::Errno(libc::EINVAL);

/// Returns the id of the MSR with this number; `None` in a build without x86.
pub(super) fn id(index: u32) -> Option<u64> {
    SPACE.map(|space| space << 32 | u64::from(index))
}

/// Reads one MSR.
pub(super) fn read_one(fd: BorrowedFd<'_>, index: u32, value: &mut [u8]) -> Result<(), ErrorKind> {
    let mut result = Err(REFUSED);
    let _ = read(fd, iter::once(index), |_, outcome| {
        result = outcome.map(|bits| store(bits, value));
        ControlFlow::Continue(())
    });
    result
}

/// Writes one MSR.
pub(super) fn write_one(fd: BorrowedFd<'_>, index: u32, value: &[u8]) -> Result<(), ErrorKind> {
    let mut result = Err(REFUSED);
    let _ = write(fd, iter::once((index, load(value))), |_, outcome| {
        result = outcome;
        ControlFlow::Continue(())
    });
    result
}

/// Stores the bits of an MSR in its 8 bytes.
pub(super) fn store(bits: u64, value: &mut [u8]) {
    value.iter_mut().zip(bits.to_ne_bytes()).for_each(|(to, from)| *to = from);
}

/// Loads the bits of an MSR from its 8 bytes.
pub(super) fn load(value: &[u8]) -> u64 {
    let mut bits = [0; 8];
    bits.iter_mut().zip(value).for_each(|(to, from)| *to = *from);
    u64::from_ne_bytes(bits)
}

/// Reads MSRs and hands each value, or why there is none, to `each` with its position.
pub(super) fn read(
    fd: BorrowedFd<'_>,
    indices: impl ExactSizeIterator<Item = u32> + Clone,
    mut each: impl FnMut(usize, Result<u64, ErrorKind>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut position = 0;
    while position < indices.len() {
        let mut msrs = Msrs::new(indices.clone().skip(position).map(|index| (index, 0)));
        let (read, failure) = outcome(msrs.read(fd));
        for msr in msrs.entries().iter().take(read) {
            each(position, Ok(msr.value))?;
            position += 1;
        }
        if read < msrs.entries().len() {
            each(position, Err(failure))?;
            position += 1;
        }
    }
    ControlFlow::Continue(())
}

/// Writes MSRs, index and value, and tells `each` how every one went.
pub(super) fn write(
    fd: BorrowedFd<'_>,
    values: impl ExactSizeIterator<Item = (u32, u64)> + Clone,
    mut each: impl FnMut(usize, Result<(), ErrorKind>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut position = 0;
    while position < values.len() {
        let msrs = Msrs::new(values.clone().skip(position));
        let (written, failure) = outcome(msrs.write(fd));
        for _ in msrs.entries().iter().take(written) {
            each(position, Ok(()))?;
            position += 1;
        }
        if written < msrs.entries().len() {
            each(position, Err(failure))?;
            position += 1;
        }
    }
    ControlFlow::Continue(())
}

/// Splits the result of an ioctl into how many MSRs it did and what stopped it at the next one.
fn outcome(result: Result<usize, ErrorKind>) -> (usize, ErrorKind) {
    match result {
        Ok(count) => (count, REFUSED),
        Err(kind) => (0, kind),
    }
}
