//! System calls that only the first process makes.

// UNSAFETY: mount(2), umount(2), finit_module(2), reboot(2) and sched_setaffinity(2) have no safe wrapper in the standard
// library.
#![expect(unsafe_code, reason = "mounting, modules, power and CPUs are foreign functions")]

use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;

/// Mounts a file system of the kernel (`proc`, `sysfs`...) at `folder`, which is created.
///
/// # Errors
///
/// Returns the kernel's.
pub fn mount(kind: &str, folder: &str) -> io::Result<()> {
    call_mount(kind, kind, folder, 0, "")
}

/// Mounts a file system in memory at `folder`, which is created; more than `bytes` do not fit in.
///
/// # Errors
///
/// Returns the kernel's.
pub fn mount_memory(folder: &str, bytes: u64) -> io::Result<()> {
    call_mount("tmpfs", "tmpfs", folder, 0, &format!("size={bytes}"))
}

/// What is done with a file system.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Access {
    /// It is read and written.
    Write,
    /// It is only read.
    Read,
}

/// Mounts the file system on a device at `folder`, which is created.
///
/// # Errors
///
/// Returns the kernel's.
pub fn mount_device(device: &str, kind: &str, folder: &str, access: Access) -> io::Result<()> {
    let flags = match access {
        Access::Write => 0,
        Access::Read => libc::MS_RDONLY,
    };
    call_mount(device, kind, folder, flags, "")
}

/// Ends a mount, when everything that was written is on its device.
///
/// # Errors
///
/// Returns the kernel's.
pub fn unmount(folder: &str) -> io::Result<()> {
    let folder = CString::new(folder)?;
    // SAFETY: umount reads the string, which ends in NUL and outlives the call.
    let result = unsafe { libc::umount(folder.as_ptr()) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn call_mount(
    source: &str,
    kind: &str,
    folder: &str,
    flags: libc::c_ulong,
    options: &str,
) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let [source, kind] = [CString::new(source)?, CString::new(kind)?];
    let [folder, options] = [CString::new(folder)?, CString::new(options)?];
    // SAFETY: mount reads the strings, which end in NUL and outlive the call; the file systems that are mounted here
    // take their options as a string.
    let result = unsafe {
        libc::mount(source.as_ptr(), folder.as_ptr(), kind.as_ptr(), flags, options.as_ptr().cast())
    };
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

/// Moves this thread to a CPU.
///
/// # Errors
///
/// Returns the kernel's.
pub fn move_to(cpu: usize) -> io::Result<()> {
    const BITS: usize = u64::BITS as usize;
    let mut set = [0_u64; libc::CPU_SETSIZE as usize / BITS];
    let word = set.get_mut(cpu / BITS).ok_or(io::ErrorKind::InvalidInput)?;
    *word = 1 << (cpu % BITS);
    // SAFETY: sched_setaffinity reads the set, whose size it is told and which outlives the call.
    let result = unsafe { libc::sched_setaffinity(0, size_of_val(&set), set.as_ptr().cast()) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Returns the CPU that this thread runs on, where the kernel says so.
#[must_use]
pub fn cpu() -> Option<usize> {
    // SAFETY: sched_getcpu touches no memory of this process.
    usize::try_from(unsafe { libc::sched_getcpu() }).ok()
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
