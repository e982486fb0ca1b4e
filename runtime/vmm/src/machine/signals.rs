//! Ctrl-C, the signal that takes a vCPU out of the guest, and the one for files that must not grow.

// UNSAFETY: the standard library has no interface to signals.
#![expect(unsafe_code, reason = "signals are a matter of libc")]

use std::io;
use std::mem::MaybeUninit;
use std::os::unix::thread::JoinHandleExt;
use std::ptr;
use std::thread::{self, JoinHandle};

use super::confine::{self, Role};
use crate::failure::Failure;

/// SIGINT and SIGTERM, blocked in this thread and those it starts, until this is dropped.
pub(super) struct Blocked {
    set: libc::sigset_t,
    before: libc::sigset_t,
}

/// Blocks SIGINT and SIGTERM, and prepares the signals that end nothing.
pub(super) fn block() -> Result<Blocked, Failure> {
    outlive(libc::SIGUSR1)?;
    // A write past the limit of file sizes is an error of that write, which the guest or the user can be told.
    outlive(libc::SIGXFSZ)?;
    let mut set = MaybeUninit::uninit();
    let mut before = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises `set`, which the others read; pthread_sigmask initialises `before`. All pointers
    // are to locals that outlive the calls.
    let (result, set, before) = unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGINT);
        libc::sigaddset(set.as_mut_ptr(), libc::SIGTERM);
        libc::sigemptyset(before.as_mut_ptr());
        let result = libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), before.as_mut_ptr());
        (result, set.assume_init(), before.assume_init())
    };
    match result {
        0 => Ok(Blocked { set, before }),
        errno => Err(failure("cannot block signals", errno)),
    }
}

impl Blocked {
    /// Starts a thread that calls `each` for every SIGINT and SIGTERM, until it returns false.
    pub(super) fn forward(&self, each: impl Fn() -> bool + Send + 'static) -> Result<(), Failure> {
        let set = self.set;
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
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: `before` is what pthread_sigmask gave; it outlives the call.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, ptr::null_mut())
        };
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
