//! A system call that is not of its thread's kind: the program says which it was, and ends.

// UNSAFETY: the standard library has no interface to signals, and its output may be locked by the thread that is stopped.
#![expect(unsafe_code, reason = "what a handler of signals does is a matter of libc")]

use std::ffi::CStr;
use std::fmt;
use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::ptr;

use syscalls::Sysno;

use super::super::terminal;
use crate::failure::Failure;

/// `si_code` of a SIGSYS that a filter sends.
const SYS_SECCOMP: libc::c_int = 1;

/// What the kernel says with SIGSYS: the part of `siginfo_t` that the C library's bindings leave out.
#[repr(C)]
struct Violation {
    signal: libc::c_int,
    errno: libc::c_int,
    code: libc::c_int,
    address: *const libc::c_void,
    call: libc::c_int,
    arch: libc::c_uint,
}

/// Ends the program with a message when a filter stops a thread.
pub(super) fn watch() -> Result<(), Failure> {
    let handler: extern "C" fn(libc::c_int, *const Violation, *const libc::c_void) = stopped;
    // SAFETY: the structure is valid when zeroed (an empty mask) but for its handler, which is set to a function of the
    // type that SA_SIGINFO asks for, and which does only what is safe in a signal.
    let result = unsafe {
        let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
        action.sa_sigaction = handler as libc::sighandler_t;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        libc::sigaction(libc::SIGSYS, &raw const action, ptr::null_mut())
    };
    match result {
        0 => Ok(()),
        _ => Err(Failure::new(format!("cannot handle a signal: {}", io::Error::last_os_error()))),
    }
}

extern "C" fn stopped(_: libc::c_int, violation: *const Violation, _: *const libc::c_void) {
    // SAFETY: SA_SIGINFO gives the handler a valid siginfo_t, of which this is the part for SIGSYS.
    let Violation { code, call, .. } = unsafe { &*violation };
    if *code != SYS_SECCOMP {
        return;
    }
    let mut name = [0_u8; 16];
    // SAFETY: PR_GET_NAME writes 16 bytes, of which the last is zero, to a local that outlives the call.
    unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    let thread = CStr::from_bytes_until_nul(&name).ok().and_then(|name| name.to_str().ok());
    let known = usize::try_from(*call).ok().and_then(Sysno::new);
    end(format_args!(
        "the thread {} made the system call {} ({call}), which it is not allowed: the guest may have taken it over, \
         or this program has a fault: please report it; `--seccomp off` runs without that check",
        thread.unwrap_or("without a name"),
        known.map_or("without a name", |known| known.name())
    ));
}

/// Ends the program as a failure, by means that are safe in a signal.
pub(super) fn end(message: fmt::Arguments<'_>) -> ! {
    terminal::restore();
    let mut text = [0; 512];
    let mut rest = text.as_mut_slice();
    // A longer message ends where the room does.
    let _ = writeln!(rest, "onereg-vmm: {message}");
    let length = 512 - rest.len();
    // SAFETY: write reads the bytes of a local that outlives the call; _exit takes a number.
    unsafe {
        libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), length);
        libc::_exit(1)
    }
}
