//! Transfers between guest memory and files, and locks on files.

// UNSAFETY: the standard library reads and writes only memory that nobody else changes, and has no shared locks.
#![expect(unsafe_code, reason = "preadv and pwritev take addresses; flock is a matter of libc")]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use vm_memory::VolatileSlice;
use vm_memory::volatile_memory::PtrGuardMut;

/// Most pieces of one transfer.
const PIECES: usize = 1024;

/// A call of the system: the file, the pieces, how many these are, and where in the file.
type Call =
    unsafe extern "C" fn(libc::c_int, *const libc::iovec, libc::c_int, libc::off64_t) -> isize;

/// Fills memory with what a file has from `at` on.
pub(super) fn read(file: &File, at: u64, memory: &[VolatileSlice<'_>]) -> io::Result<()> {
    transfer(file, at, memory, libc::preadv64, io::ErrorKind::UnexpectedEof)
}

/// Writes memory to a file from `at` on.
pub(super) fn write(file: &File, at: u64, memory: &[VolatileSlice<'_>]) -> io::Result<()> {
    transfer(file, at, memory, libc::pwritev64, io::ErrorKind::WriteZero)
}

/// Calls until all is through; `end` is the error where no more is.
fn transfer(
    file: &File,
    at: u64,
    memory: &[VolatileSlice<'_>],
    call: Call,
    end: io::ErrorKind,
) -> io::Result<()> {
    let guards: Vec<PtrGuardMut> = memory.iter().map(VolatileSlice::ptr_guard_mut).collect();
    let piece =
        |guard: &PtrGuardMut| libc::iovec { iov_base: guard.as_ptr().cast(), iov_len: guard.len() };
    let mut pieces: Vec<_> = guards.iter().map(piece).filter(|piece| 0 < piece.iov_len).collect();
    let (mut rest, mut at) = (pieces.as_mut_slice(), at);
    while !rest.is_empty() {
        let count = rest.len().min(PIECES) as libc::c_int;
        // SAFETY: every piece is memory that the guards keep mapped for as long as they live, which is to the end of
        // this function; it is the guest's, to which no reference exists. The count is that of the pieces at most.
        let result = unsafe { call(file.as_raw_fd(), rest.as_ptr(), count, at as libc::off64_t) };
        match usize::try_from(result) {
            Ok(0) => return Err(end.into()),
            Ok(moved) => {
                at += moved as u64;
                rest = advance(rest, moved);
            }
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
    Ok(())
}

/// Leaves out the first bytes of the pieces.
fn advance(pieces: &mut [libc::iovec], mut bytes: usize) -> &mut [libc::iovec] {
    let mut whole = 0;
    for piece in pieces.iter() {
        if bytes < piece.iov_len {
            break;
        }
        bytes -= piece.iov_len;
        whole += 1;
    }
    let rest = pieces.get_mut(whole..).unwrap_or_default();
    if let Some(first) = rest.first_mut() {
        first.iov_base = first.iov_base.wrapping_byte_add(bytes);
        first.iov_len -= bytes;
    }
    rest
}

/// Locks a file, for itself or with others that only read; fails where others have it.
pub(super) fn lock(file: &File, for_itself: bool) -> io::Result<()> {
    let kind = if for_itself { libc::LOCK_EX } else { libc::LOCK_SH };
    // SAFETY: flock takes a file descriptor, which `file` keeps open.
    match unsafe { libc::flock(file.as_raw_fd(), kind | libc::LOCK_NB) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_moved_is_left_out() {
        let mut bytes = [0_u8; 6];
        let base = bytes.as_mut_ptr();
        let piece =
            |at: usize, iov_len| libc::iovec { iov_base: base.wrapping_add(at).cast(), iov_len };
        let lengths = |moved| {
            let mut pieces = [piece(0, 2), piece(2, 3), piece(5, 1)];
            let rest = advance(&mut pieces, moved);
            let at = rest.first().map(|piece| piece.iov_base.addr() - base.addr());
            (at, rest.iter().map(|piece| piece.iov_len).collect::<Vec<_>>())
        };
        assert_eq!(lengths(1), (Some(1), vec![1, 3, 1]));
        assert_eq!(lengths(2), (Some(2), vec![3, 1]));
        assert_eq!(lengths(4), (Some(4), vec![1, 1]));
        assert_eq!(lengths(6), (None, vec![]));
    }
}
