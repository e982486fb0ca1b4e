//! Registers within the struct of another ioctl.

use std::ops::Range;
use std::os::fd::BorrowedFd;

use super::ioctl::{get_struct, set_struct};
use crate::error::ErrorKind;
use crate::register::Place;
use crate::table::Carrier;

/// Reads the register at `place`.
pub(super) fn read(
    fd: BorrowedFd<'_>,
    carrier: &Carrier,
    place: Place,
    value: &mut [u8],
) -> Result<(), ErrorKind> {
    let mut bytes = vec![0; usize::from(carrier.size)];
    get_struct(fd, carrier, &mut bytes)?;
    take(&bytes, place, value)
}

/// Writes the register at `place`, and the rest of its struct as just read.
pub(super) fn write(
    fd: BorrowedFd<'_>,
    carrier: &Carrier,
    place: Place,
    value: &[u8],
) -> Result<(), ErrorKind> {
    let mut bytes = vec![0; usize::from(carrier.size)];
    get_struct(fd, carrier, &mut bytes)?;
    put(&mut bytes, place, value)?;
    set_struct(fd, carrier, &bytes)
}

/// Takes the register at `place` from its struct.
pub(super) fn take(bytes: &[u8], place: Place, value: &mut [u8]) -> Result<(), ErrorKind> {
    let here = bytes.get(range(place)).ok_or(ErrorKind::Absent)?;
    if here.len() != value.len() {
        return Err(ErrorKind::Size { given: value.len() });
    }
    value.copy_from_slice(here);
    Ok(())
}

/// Puts the register at `place` into its struct.
pub(super) fn put(bytes: &mut [u8], place: Place, value: &[u8]) -> Result<(), ErrorKind> {
    let here = bytes.get_mut(range(place)).ok_or(ErrorKind::Absent)?;
    if here.len() != value.len() {
        return Err(ErrorKind::Size { given: value.len() });
    }
    here.copy_from_slice(value);
    Ok(())
}

/// Returns what carries the register at `place`.
pub(super) fn carrier(place: Place) -> Result<&'static Carrier, ErrorKind> {
    match place {
        Place::Via { carrier, .. } => Ok(carrier),
        _ => Err(ErrorKind::Unsupported("a vCPU has no registers at addresses")),
    }
}

/// Returns where in its struct the register is; nowhere for one without a struct.
fn range(place: Place) -> Range<usize> {
    match place {
        Place::Via { offset, size, .. } => {
            usize::from(offset)..usize::from(offset) + usize::from(size)
        }
        _ => 0..0,
    }
}
