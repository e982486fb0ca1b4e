//! System calls that only the first process makes.

// UNSAFETY: mount(2), finit_module(2) and reboot(2) have no safe wrapper in the standard library.
#![expect(unsafe_code, reason = "mounting, modules and power are foreign functions")]

use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::ptr;

/// Mounts a file system of the kernel (`proc`, `sysfs`...) at `folder`, which is created.
///
/// # Errors
///
/// Returns the kernel's.
pub fn mount(kind: &str, folder: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let kind = CString::new(kind)?;
    let folder = CString::new(folder)?;
    // SAFETY: mount reads the strings, which end in NUL and outlive the call; without data its last argument is null.
    let result =
        unsafe { libc::mount(kind.as_ptr(), folder.as_ptr(), kind.as_ptr(), 0, ptr::null()) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Loads the module in `file`.
///
/// # Errors
///
/// Returns the kernel's.
pub fn load_module(file: &File) -> io::Result<()> {
    // SAFETY: finit_module reads the open file and the string of parameters, which is empty and lives for ever.
    let result = unsafe {
        libc::syscall(libc::SYS_finit_module, file.as_raw_fd(), c"".as_ptr(), 0 as libc::c_int)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Switches the machine off; where that fails, the kernel panics as its first process ends.
pub fn power_off() {
    // SAFETY: reboot takes a number and touches no memory of this process.
    unsafe { libc::reboot(libc::RB_POWER_OFF) };
}

/// Waits until the terminal of stdout has sent everything, so that no message of the kernel gets in between.
pub fn drain() {
    // SAFETY: tcdrain takes a number and touches no memory of this process.
    unsafe { libc::tcdrain(libc::STDOUT_FILENO) };
}

/// Starts the machine over; where that fails, the kernel panics as its first process ends.
pub fn restart() {
    // SAFETY: reboot takes a number and touches no memory of this process.
    unsafe { libc::reboot(libc::RB_AUTOBOOT) };
}

/// Sends Ctrl-C's signal to a process.
///
/// # Errors
///
/// Returns the kernel's.
pub fn interrupt(process: u32) -> io::Result<()> {
    let process = libc::pid_t::try_from(process).map_err(io::Error::other)?;
    // SAFETY: kill takes numbers and touches no memory of this process.
    let result = unsafe { libc::kill(process, libc::SIGINT) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
