//! Memory of the guest that goes back to the host.

// UNSAFETY: the standard library knows no advice on memory.
#![expect(unsafe_code, reason = "madvise takes an address")]

use std::io;

use vm_memory::VolatileSlice;

/// Gives the pages of the host that lie in a piece of the guest's memory back: the guest finds zeros there.
pub(super) fn release(memory: &VolatileSlice<'_>) -> io::Result<()> {
    let page = page_size()?;
    let guard = memory.ptr_guard_mut();
    let start = guard.as_ptr();
    // What lies in a page with other memory stays.
    let skipped = start.align_offset(page);
    let length = guard.len().saturating_sub(skipped) / page * page;
    if length == 0 {
        return Ok(());
    }
    let first = start.wrapping_add(skipped).cast();
    // SAFETY: the pages lie in the piece, which the guard keeps mapped to the end of this function; it is the guest's,
    // to which no reference exists, so that nobody relies on what was there.
    match unsafe { libc::madvise(first, length, libc::MADV_DONTNEED) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn page_size() -> io::Result<usize> {
    // SAFETY: sysconf takes a number and touches no memory of this process.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).map_err(|_| io::Error::last_os_error())
}
