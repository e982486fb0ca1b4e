//! A lock between processes, held while packages are fetched and unpacked.

// UNSAFETY: the standard library locks files from Rust 1.89 on only; flock(2) has no safe wrapper before.
#![expect(unsafe_code, reason = "flock is a foreign function")]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

/// An exclusive lock on a file, released when dropped.
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Creates the file at `path` where it is missing, and waits until no other process holds its lock.
    ///
    /// # Errors
    ///
    /// The file cannot be created or locked.
    pub fn acquire(path: &Path) -> io::Result<Lock> {
        let file = File::create(path)?;
        loop {
            // SAFETY: flock reads and writes no memory of this process; the descriptor is open while `file` lives.
            if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX) } == 0 {
                return Ok(Lock { _file: file });
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
    }
}
