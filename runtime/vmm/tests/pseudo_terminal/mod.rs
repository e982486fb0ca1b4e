//! A terminal without anybody in front of it.

// UNSAFETY: the standard library has no interface to terminals.
#![expect(unsafe_code, reason = "terminals are a matter of libc")]

use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;

/// Columns and rows of its window.
const SIZE: (u16, u16) = (132, 43);

/// A pair of files: what is written to one of them is typed on the other.
pub(crate) struct PseudoTerminal {
    pub(crate) keyboard: File,
    pub(crate) terminal: File,
}

impl PseudoTerminal {
    pub(crate) fn open() -> PseudoTerminal {
        let (mut keyboard, mut terminal) = (-1, -1);
        let (name, mode) = (ptr::null_mut(), ptr::null());
        let (ws_col, ws_row) = SIZE;
        let size = libc::winsize { ws_col, ws_row, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: openpty writes two descriptors to locals and reads a size, which outlive the call; the other pointers
        // may be null.
        let result = unsafe {
            libc::openpty(&raw mut keyboard, &raw mut terminal, name, mode, &raw const size)
        };
        assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
        // SAFETY: openpty succeeded: both descriptors are open and nobody else has them.
        let own = |fd| File::from(unsafe { OwnedFd::from_raw_fd(fd) });
        PseudoTerminal { keyboard: own(keyboard), terminal: own(terminal) }
    }

    /// Returns what the terminal does with keys and lines: the flags for input and the local ones, and special keys.
    pub(crate) fn mode(&self) -> (u32, u32, [u8; 32]) {
        let mut mode = MaybeUninit::uninit();
        // SAFETY: tcgetattr writes a termios to a local that outlives the call.
        let result = unsafe { libc::tcgetattr(self.terminal.as_raw_fd(), mode.as_mut_ptr()) };
        assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
        // SAFETY: tcgetattr succeeded, so it has written all of it.
        let mode: libc::termios = unsafe { mode.assume_init() };
        (mode.c_iflag, mode.c_lflag, mode.c_cc)
    }
}
