//! The way of packets from the host to the guest: one waits here until the guest has buffers for all of it.

use virtio_bindings::virtio_net::VIRTIO_NET_F_MRG_RXBUF;

use super::tap::Tap;
use super::{HEADER, MOST, QUEUE, RECEIVE, offload};
use crate::machine::virtio::chain::Chain;
use crate::machine::virtio::fault::GuestFault;
use crate::machine::virtio::queues::Queues;

/// Where the header of a packet says how many chains have it.
const CHAINS: usize = 10;

/// The next packet, and where it goes.
pub(super) struct Arrival {
    /// Features that the driver has taken.
    features: u64,
    packet: Vec<u8>,
    /// Bytes of the packet with its header: none where it has not come.
    length: usize,
    /// What the guest gave for packets and has not got back.
    chains: Vec<Chain>,
}

/// Whether the guest has buffers for a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    Enough,
    /// The guest can give more.
    TooLittle,
    /// The guest can give no more than so many bytes.
    Never(usize),
}

impl Arrival {
    pub(super) fn new() -> Arrival {
        Arrival { features: 0, packet: vec![0; MOST], length: 0, chains: Vec::new() }
    }

    /// Begins to take packets for a driver with these features.
    pub(super) fn start(&mut self, features: u64) {
        self.features = features;
    }

    /// Forgets the packet and its buffers.
    pub(super) fn reset(&mut self) {
        self.length = 0;
        self.chains.clear();
    }

    /// Gives the guest what has come, as far as it has buffers. What is left waits in the tap device. `lose` is told of
    /// packets that are too long: their bytes, and those that the guest has room for.
    pub(super) fn receive(
        &mut self,
        tap: &Tap,
        queues: &mut Queues,
        mut lose: impl FnMut(usize, usize),
    ) -> Result<(), GuestFault> {
        let mut turns = 0;
        while turns < QUEUE && self.fetch(tap) {
            match self.find_room(queues)? {
                Room::TooLittle => break,
                Room::Enough => self.give(queues)?,
                Room::Never(room) => lose(self.length, room),
            }
            self.length = 0;
            turns += 1;
        }
        match turns {
            0 => return Ok(()),
            QUEUE => queues.kick(RECEIVE),
            _ => {}
        }
        queues.signal(RECEIVE)
    }

    /// Takes a packet, unless there is one; says whether there is one then.
    fn fetch(&mut self, tap: &Tap) -> bool {
        while self.length == 0 {
            match tap.receive(&mut self.packet) {
                // Others were for a driver that took more upon itself.
                Ok(length) if offload::admit(&mut self.packet, self.features) => {
                    self.length = length;
                }
                Ok(_) => {}
                // There is nothing, or the host cannot give it: it wakes the device when there is more.
                Err(_) => return false,
            }
        }
        true
    }

    /// Takes buffers until these have room for the packet: a packet is in one chain unless the driver has taken more.
    fn find_room(&mut self, queues: &mut Queues) -> Result<Room, GuestFault> {
        let is_mergeable = offload::has(self.features, VIRTIO_NET_F_MRG_RXBUF);
        let most = if is_mergeable { queues.size(RECEIVE) } else { 1 };
        let mut room = self.chains.iter().map(Chain::writable_len).sum();
        while room < self.length {
            if self.chains.len() == most {
                return Ok(Room::Never(room));
            }
            let Some(chain) = queues.pop(RECEIVE)? else { return Ok(Room::TooLittle) };
            // Every chain has to have room for a header.
            drop(chain.writable(0..HEADER)?);
            room += chain.writable_len();
            self.chains.push(chain);
        }
        Ok(Room::Enough)
    }

    /// Gives the packet to the guest, in the first of the chains.
    fn give(&mut self, queues: &mut Queues) -> Result<(), GuestFault> {
        let mut rest = self.packet.get(..self.length).unwrap_or_default();
        let mut used = Vec::new();
        for chain in &self.chains {
            if rest.is_empty() {
                break;
            }
            let (now, later) = rest.split_at(rest.len().min(chain.writable_len()));
            chain.write(0, now)?;
            used.push((chain.head(), now.len() as u32));
            rest = later;
        }
        if let Some(first) = self.chains.first() {
            first.write(CHAINS, &(used.len() as u16).to_le_bytes())?;
        }
        self.chains.drain(..used.len());
        queues.complete_together(RECEIVE, &used)
    }
}
