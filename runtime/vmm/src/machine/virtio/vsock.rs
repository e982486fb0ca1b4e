//! Sockets between programs of the host and of the guest, by Unix sockets of the host.

mod caller;
mod connection;
mod endpoint;
mod packet;
mod switch;
#[cfg(test)]
mod tests;

use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;

use virtio_bindings::virtio_ids::VIRTIO_ID_VSOCK;

use super::chain::Chain;
use super::device::{Kind, VirtioDevice, copy_config};
use super::fault::GuestFault;
use super::queues::Queues;
use connection::ROOM;
pub(super) use endpoint::Endpoint;
use packet::{HEADER, Header};
use switch::Switch;

/// The queues: what the guest gets, what it sends, and events, of which there are none.
const RECEIVE: usize = 0;
const SEND: usize = 1;

/// Most chains of each queue.
const QUEUE: u16 = 128;

/// A device of sockets.
pub(super) struct Vsock {
    cid: u32,
    switch: Switch,
    /// Data of a packet on its way.
    data: Box<[u8]>,
    /// Buffers for the next packet, where there is none.
    waiting: Option<Chain>,
}

impl Vsock {
    pub(super) fn new(endpoint: Arc<Endpoint>) -> io::Result<Vsock> {
        let (cid, data) = (endpoint.cid(), vec![0; ROOM as usize].into_boxed_slice());
        Ok(Vsock { cid, switch: Switch::new(endpoint)?, data, waiting: None })
    }

    /// Takes what the guest sends. What nothing can be said to waits in its queue.
    fn hear(&mut self, queues: &mut Queues) -> Result<(), GuestFault> {
        if self.switch.is_full() {
            return Ok(());
        }
        queues.serve(SEND, |chain| {
            let header = Header::from_words(chain.read_object(0)?);
            let data = self.data.get_mut(..header.length as usize).ok_or_else(|| {
                let length = header.length;
                GuestFault::new(format!("a packet of {length} bytes where {ROOM} are the most"))
            })?;
            chain.read(HEADER, data)?;
            self.switch.take(&header, data);
            Ok(0)
        })
    }

    /// Gives the guest what there is for it; what it sends is heard again when it has taken enough.
    fn answer(&mut self, queues: &mut Queues) -> Result<(), GuestFault> {
        let was_full = self.switch.is_full();
        self.give(queues)?;
        if was_full && !self.switch.is_full() {
            queues.kick(SEND);
        }
        Ok(())
    }

    /// Gives the guest what there is for it, as far as it has buffers.
    fn give(&mut self, queues: &mut Queues) -> Result<(), GuestFault> {
        for given in 0..QUEUE {
            let next = match self.waiting.take() {
                None => queues.pop(RECEIVE)?,
                waiting => waiting,
            };
            let Some(chain) = next else { return signal(queues, given) };
            let room = chain.writable_len().checked_sub(HEADER).ok_or_else(|| {
                GuestFault::new(format!("a buffer of less than the {HEADER} bytes of a header"))
            })?;
            let most = room.min(self.data.len());
            match self.switch.next(self.data.get_mut(..most).unwrap_or_default()) {
                Some(header) => {
                    let length = header.length as usize;
                    chain.write(0, &header.bytes())?;
                    chain.write(HEADER, self.data.get(..length).unwrap_or_default())?;
                    queues.complete(RECEIVE, chain.head(), (HEADER + length) as u32)?;
                }
                None => {
                    self.waiting = Some(chain);
                    return signal(queues, given);
                }
            }
        }
        queues.kick(RECEIVE);
        queues.signal(RECEIVE)
    }
}

/// Interrupts the driver where it was given anything.
fn signal(queues: &mut Queues, given: u16) -> Result<(), GuestFault> {
    if given == 0 { Ok(()) } else { queues.signal(RECEIVE) }
}

impl VirtioDevice for Vsock {
    fn kind(&self) -> Kind {
        Kind { id: VIRTIO_ID_VSOCK as u16, name: "vsock", class: [7, 0x80, 0] }
    }

    fn features(&self) -> u64 {
        0
    }

    fn queue_sizes(&self) -> &[u16] {
        &[QUEUE; 3]
    }

    fn read_config(&self, offset: u64, data: &mut [u8]) {
        copy_config(&u64::from(self.cid).to_le_bytes(), offset, data);
    }

    fn start(&mut self, _features: u64) {
        self.switch.accept();
    }

    fn reset(&mut self) {
        self.switch.clear();
        self.waiting = None;
    }

    fn sources(&self) -> Vec<RawFd> {
        vec![self.switch.descriptor()]
    }

    fn notified(&mut self, queue: usize, queues: &mut Queues) -> Result<(), GuestFault> {
        if queue == SEND {
            self.hear(queues)?;
        }
        self.answer(queues)
    }

    fn woken(&mut self, _source: usize, queues: &mut Queues) -> Result<(), GuestFault> {
        self.switch.wake();
        self.answer(queues)
    }
}
