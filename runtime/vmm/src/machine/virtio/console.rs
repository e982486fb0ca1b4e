//! Consoles without a port of their own: what the guest says goes out as it comes, what is typed waits for buffers.

mod peer;
#[cfg(test)]
mod tests;

use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;

use virtio_bindings::virtio_ids::VIRTIO_ID_CONSOLE;

use super::chain::Chain;
use super::device::{Kind, VirtioDevice, copy_config};
use super::fault::GuestFault;
use super::queues::Queues;
pub(crate) use peer::{Peer, Size, Window};

/// The queues: what the guest hears, and what it says.
pub(super) const HEAR: usize = 0;
pub(super) const SAY: usize = 1;

/// Feature: the configuration has the size of the window.
const SIZE: u64 = 1;

/// Most chains of each queue.
const QUEUE: u16 = 64;

/// Most bytes that the guest says at once.
const MOST: usize = 1 << 20;

/// Source of what is typed; the other one is the window.
const TYPED: usize = 0;

/// A console.
pub(super) struct Console {
    peer: Arc<Peer>,
    size: Size,
}

impl Console {
    /// Makes a console with that other end.
    pub(super) fn new(peer: Arc<Peer>) -> Console {
        let size = peer.window().map(Window::size).unwrap_or_default();
        Console { peer, size }
    }

    /// Gives the guest what is typed, as far as it has buffers. What is more than a queue full waits for the next turn.
    fn hear(&self, queues: &mut Queues) -> Result<(), GuestFault> {
        let mut typed = self.peer.typed();
        let mut given = 0;
        while given < QUEUE && !typed.is_empty() {
            let Some(chain) = queues.pop(HEAR)? else { break };
            let count = chain.writable_len().min(typed.len());
            chain.write(0, typed.get(..count).unwrap_or_default())?;
            queues.complete(HEAR, chain.head(), count as u32)?;
            typed.drain(..count);
            given += 1;
        }
        if typed.is_empty() {
            self.peer.took_all();
        }
        match given {
            0 => return Ok(()),
            QUEUE => queues.kick(HEAR),
            _ => {}
        }
        queues.signal(HEAR)
    }
}

/// Sends on what the guest says, however long that takes: it waits for its buffers.
fn say(peer: &Peer, chain: &Chain) -> Result<u32, GuestFault> {
    let length = chain.readable_len();
    if MOST < length {
        return Err(GuestFault::new(format!("{length} bytes at once where {MOST} are the most")));
    }
    let mut bytes = vec![0; length];
    chain.read(0, &mut bytes)?;
    peer.say(&bytes);
    Ok(0)
}

impl VirtioDevice for Console {
    fn kind(&self) -> Kind {
        Kind { id: VIRTIO_ID_CONSOLE as u16, name: "console", class: [7, 0x80, 0] }
    }

    fn features(&self) -> u64 {
        self.peer.window().map_or(0, |_| SIZE)
    }

    fn queue_sizes(&self) -> &[u16] {
        &[QUEUE; 2]
    }

    fn read_config(&self, offset: u64, data: &mut [u8]) {
        let Size { columns, rows } = self.size;
        let [columns, rows] = [columns.to_le_bytes(), rows.to_le_bytes()];
        copy_config(&[columns, rows].concat(), offset, data);
    }

    fn sources(&self) -> Vec<RawFd> {
        let resizes = self.peer.window().map(AsRawFd::as_raw_fd);
        [self.peer.as_raw_fd()].into_iter().chain(resizes).collect()
    }

    fn notified(&mut self, queue: usize, queues: &mut Queues) -> Result<(), GuestFault> {
        match queue {
            SAY => queues.serve(SAY, |chain| say(&self.peer, chain)),
            _ => self.hear(queues),
        }
    }

    fn woken(&mut self, source: usize, queues: &mut Queues) -> Result<(), GuestFault> {
        if source == TYPED {
            return self.hear(queues);
        }
        if let Some(size) = self.peer.window().map(Window::resized)
            && size != self.size
        {
            self.size = size;
            queues.change_config();
        }
        Ok(())
    }
}
