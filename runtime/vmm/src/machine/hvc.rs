//! The virtio console of a machine: what is between its device and everything else.

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::console::Console;
use super::output::{Output, Said};
use super::terminal;
use super::threads::{Events, Stop, crashed};
use super::virtio::{Peer, Window};
use crate::failure::Failure;

/// A virtio console. It stays when the machine starts over.
pub(super) struct Hvc {
    peer: Arc<Peer>,
    said: Said,
    has_input: bool,
}

impl Hvc {
    /// Opens what the option names. Its device has a thread of its own: `events` is told of what ends the guest.
    pub(super) fn open(what: &Path, events: &Events) -> Result<Hvc, Failure> {
        let failed = |error| Failure::new(format!("cannot make the virtio console: {error}"));
        let console = Console::open(what)?;
        let has_input = console.has_input();
        let window = match console.is_in_window() {
            true => Some(Window::new(events.resizes().map_err(failed)?, terminal::size)),
            false => None,
        };
        let output = Output::new(console.into_output());
        let said = output.said();
        let (output, stop) = (Mutex::new(output), events.stopper());
        let say = move |bytes: &[u8]| {
            let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
            match output.write_all(bytes).and_then(|()| output.flush()) {
                Ok(()) => {
                    if let Some(cause) = output.end() {
                        stop(Stop::Crashed { index: None, failure: crashed(&cause) });
                    }
                }
                Err(error) => stop(Stop::Failed(error.into())),
            }
        };
        let peer = Peer::new(say, window).map_err(failed)?;
        Ok(Hvc { peer: Arc::new(peer), said, has_input })
    }

    /// Returns the other end of its device.
    pub(super) fn peer(&self) -> &Arc<Peer> {
        &self.peer
    }

    /// Returns what the guest has said on it.
    pub(super) fn said(&self) -> &Said {
        &self.said
    }

    /// Says whether what is typed reaches it.
    pub(super) fn has_input(&self) -> bool {
        self.has_input
    }
}
