//! What a console is connected to.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use vmm_sys_util::eventfd::{EFD_CLOEXEC, EFD_NONBLOCK, EventFd};

/// What takes what the guest says.
type Say = dyn Fn(&[u8]) + Send + Sync;

/// The other end of a console. It stays when the machine starts over.
pub(crate) struct Peer {
    say: Box<Say>,
    window: Option<Window>,
    typed: Mutex<Vec<u8>>,
    /// Notified when the guest has taken all that was typed.
    taken: Condvar,
    /// Signalled when something is typed.
    arrived: EventFd,
}

impl Peer {
    /// Connects to `say`, which takes what the guest says, or ends the guest where it cannot.
    pub(crate) fn new(
        say: impl Fn(&[u8]) + Send + Sync + 'static,
        window: Option<Window>,
    ) -> io::Result<Peer> {
        Ok(Peer {
            say: Box::new(say),
            window,
            typed: Mutex::default(),
            taken: Condvar::new(),
            arrived: EventFd::new(EFD_NONBLOCK | EFD_CLOEXEC)?,
        })
    }

    /// Gives the guest what is typed, once it has taken what was typed before.
    pub(crate) fn enter(&self, typed: &[u8]) {
        let mut waiting = self.typed();
        while !waiting.is_empty() {
            waiting = self.taken.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.extend_from_slice(typed);
        // A counter that is full wakes, too.
        let _ = self.arrived.write(1);
    }

    /// Takes what the guest says.
    pub(super) fn say(&self, bytes: &[u8]) {
        (self.say)(bytes);
    }

    /// Returns what is typed and not taken.
    pub(in super::super) fn typed(&self) -> MutexGuard<'_, Vec<u8>> {
        self.typed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whoever types that all of it is taken.
    pub(super) fn took_all(&self) {
        self.taken.notify_one();
    }

    /// Returns the window that the guest's output is in, if it is in one.
    pub(super) fn window(&self) -> Option<&Window> {
        self.window.as_ref()
    }
}

impl AsRawFd for Peer {
    /// Returns what is readable when something is typed.
    fn as_raw_fd(&self) -> RawFd {
        self.arrived.as_raw_fd()
    }
}

/// How many columns and rows a window has; zeros where nobody knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) columns: u16,
    pub(crate) rows: u16,
}

/// The window that shows the output of a console.
pub(crate) struct Window {
    resizes: File,
    size: fn() -> Size,
}

impl Window {
    /// Has a window whose size is asked for again when there is something to read from `resizes`, which never waits.
    pub(crate) fn new(resizes: File, size: fn() -> Size) -> Window {
        Window { resizes, size }
    }

    /// Returns how large it is.
    pub(super) fn size(&self) -> Size {
        (self.size)()
    }

    /// Returns how large it is now that it may have changed.
    pub(super) fn resized(&self) -> Size {
        // What is read says only that there was a change, in 128 bytes for a signal.
        while let Ok(1..) = (&self.resizes).read(&mut [0; 128]) {}
        self.size()
    }
}

impl AsRawFd for Window {
    /// Returns what is readable when its size may have changed.
    fn as_raw_fd(&self) -> RawFd {
        self.resizes.as_raw_fd()
    }
}
