//! The terminal that the guest's console is on.

// UNSAFETY: the standard library has no interface to terminals.
#![expect(unsafe_code, reason = "terminals are a matter of libc")]

use std::io::{self, IsTerminal};
use std::mem::MaybeUninit;
use std::sync::OnceLock;

use super::virtio::Size;
use crate::failure::Failure;

/// How the terminal of stdin was.
static BEFORE: OnceLock<libc::termios> = OnceLock::new();

/// The terminal of stdin, which passes every key but Ctrl-C as it is typed, until this is dropped.
pub(super) struct Terminal(());

impl Terminal {
    /// Takes the terminal of stdin, if that is one.
    pub(super) fn take() -> Result<Option<Terminal>, Failure> {
        if !io::stdin().is_terminal() {
            return Ok(None);
        }
        let failed =
            || Failure::new(format!("cannot set the terminal up: {}", io::Error::last_os_error()));
        let mut before = MaybeUninit::uninit();
        // SAFETY: tcgetattr writes a termios to `before`, which outlives the call.
        if unsafe { libc::tcgetattr(libc::STDIN_FILENO, before.as_mut_ptr()) } != 0 {
            return Err(failed());
        }
        // SAFETY: tcgetattr succeeded, so it has written all of `before`.
        let before = unsafe { before.assume_init() };
        BEFORE.get_or_init(|| before);
        let terminal = Terminal(());
        if set(&raw_mode(before)) { Ok(Some(terminal)) } else { Err(failed()) }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// Makes the terminal what it was before it was taken, also in the handler of a signal.
pub(super) fn restore() {
    // Where the terminal is gone, there is nothing to restore.
    let _ = BEFORE.get().map(set);
}

/// Switches off what a terminal does with keys, but for Ctrl-C; output stays as it is.
fn raw_mode(mut mode: libc::termios) -> libc::termios {
    mode.c_iflag &= !(libc::ICRNL | libc::INLCR | libc::IGNCR | libc::IXON | libc::ISTRIP);
    mode.c_lflag &= !(libc::ICANON | libc::ECHO | libc::IEXTEN);
    for key in [libc::VQUIT, libc::VSUSP] {
        mode.c_cc[key] = libc::_POSIX_VDISABLE;
    }
    mode.c_cc[libc::VMIN] = 1;
    mode.c_cc[libc::VTIME] = 0;
    mode
}

/// Returns the size of the terminal of stdout, as far as that is one and knows.
pub(super) fn size() -> Size {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: TIOCGWINSZ writes a winsize to a local that outlives the call; it stays as it is where that fails.
    unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &raw mut size) };
    Size { columns: size.ws_col, rows: size.ws_row }
}

fn set(mode: &libc::termios) -> bool {
    // SAFETY: tcsetattr reads an initialised termios, which outlives the call.
    unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, mode) == 0 }
}
