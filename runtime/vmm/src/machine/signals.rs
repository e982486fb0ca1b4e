//! Ctrl-C, the signal that takes a vCPU out of the guest, and those of files that must not grow and of windows.

// UNSAFETY: the standard library has no interface to signals.
#![expect(unsafe_code, reason = "signals are a matter of libc")]

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::thread::JoinHandleExt;
use std::ptr;
use std::thread::{self, JoinHandle};

use super::confine::{self, Role};
use crate::failure::Failure;

/// The signals that end the process.
const ENDS: [libc::c_int; 2] = [libc::SIGINT, libc::SIGTERM];

/// SIGINT, SIGTERM and SIGWINCH, blocked in this thread and those it starts, until this is dropped.
pub(super) struct Blocked {
    before: libc::sigset_t,
}

/// Blocks SIGINT, SIGTERM and SIGWINCH, and prepares the signals that end nothing.
pub(super) fn block() -> Result<Blocked, Failure> {
    outlive(libc::SIGUSR1)?;
    // A write past the limit of file sizes is an error of that write, which the guest or the user can be told.
    outlive(libc::SIGXFSZ)?;
    let set = set_of(&[ENDS[0], ENDS[1], libc::SIGWINCH]);
    let mut before = set_of(&[]);
    // SAFETY: pthread_sigmask reads one initialised set and writes the other; both outlive the call.
    let result = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, &raw mut before) };
    match result {
        0 => Ok(Blocked { before }),
        errno => Err(failure("cannot block signals", errno)),
    }
}

impl Blocked {
    /// Starts a thread that calls `each` for every SIGINT and SIGTERM, until it returns false.
    pub(super) fn forward(&self, each: impl Fn() -> bool + Send + 'static) -> Result<(), Failure> {
        let set = set_of(&ENDS);
        let wait = move || {
            confine::enter(Role::Signals);
            let mut signal = 0;
            // SAFETY: sigwait reads an initialised set and writes a number; both outlive the call.
            while unsafe { libc::sigwait(&raw const set, &raw mut signal) } == 0 && each() {}
        };
        let thread = thread::Builder::new().name("signals".to_owned()).spawn(wait);
        thread
            .map(drop)
            .map_err(|error| Failure::new(format!("cannot start the thread for signals: {error}")))
    }

    /// Returns a file with something to read when the window of the terminal has another size. Reading never waits.
    pub(super) fn resizes(&self) -> io::Result<File> {
        let set = set_of(&[libc::SIGWINCH]);
        // SAFETY: signalfd reads an initialised set, which outlives the call.
        let fd =
            unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        match fd {
            // SAFETY: signalfd has made this descriptor, and nobody else has it.
            0.. => Ok(File::from(unsafe { OwnedFd::from_raw_fd(fd) })),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: `before` is what pthread_sigmask gave; it outlives the call.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, ptr::null_mut())
        };
    }
}

/// Returns a set of signals.
fn set_of(signals: &[libc::c_int]) -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set, which outlives the calls; sigaddset changes only that.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), *signal);
        }
        set.assume_init()
    }
}

/// Gives a signal a handler that does nothing: its arrival is what matters, and ends no process.
fn outlive(signal: libc::c_int) -> Result<(), Failure> {
    extern "C" fn ignore(_: libc::c_int) {}
    // SAFETY: the structure is valid when zeroed (no flags, an empty mask) but for its handler, which is set to a
    // function of the right type that does nothing and so is safe in a signal.
    let result = unsafe {
        let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
        action.sa_sigaction = ignore as extern "C" fn(libc::c_int) as libc::sighandler_t;
        libc::sigaction(signal, &raw const action, ptr::null_mut())
    };
    match result {
        0 => Ok(()),
        _ => Err(Failure::new(format!("cannot handle a signal: {}", io::Error::last_os_error()))),
    }
}

/// Takes the vCPU that runs in `thread` out of the guest.
pub(super) fn kick<T>(thread: &JoinHandle<T>) {
    // SAFETY: the thread has been neither joined nor detached, for its handle is here; a finished one ignores it.
    unsafe { libc::pthread_kill(thread.as_pthread_t() as libc::pthread_t, libc::SIGUSR1) };
}

fn failure(what: &str, errno: libc::c_int) -> Failure {
    Failure::new(format!("{what}: {}", io::Error::from_raw_os_error(errno)))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_window_with_another_size_is_something_to_read_once() {
        let blocked = block().unwrap();
        let mut resizes = blocked.resizes().unwrap();
        let mut read = || resizes.read(&mut [0; 128]).map_err(|error| error.kind());
        assert_eq!(read(), Err(io::ErrorKind::WouldBlock));
        // SAFETY: raise takes a number; the signal goes to this thread, which has it blocked.
        unsafe { libc::raise(libc::SIGWINCH) };
        assert_eq!(read(), Ok(128));
        assert_eq!(read(), Err(io::ErrorKind::WouldBlock));
    }
}
