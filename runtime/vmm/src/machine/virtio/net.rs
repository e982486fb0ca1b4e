//! Network interfaces on tap devices of the host.

mod tap;
#[cfg(test)]
mod tests;

use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::Arc;

use virtio_bindings::virtio_ids::VIRTIO_ID_NET;
use virtio_bindings::virtio_net::{
    VIRTIO_NET_F_CSUM, VIRTIO_NET_F_HOST_ECN, VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_HOST_TSO6,
    VIRTIO_NET_F_MAC,
};

use super::chain::Chain;
use super::device::{Kind, VirtioDevice, copy_config};
use super::fault::GuestFault;
use super::queues::Queues;
use crate::failure::Failure;
use tap::Tap;

/// The queues: what the guest gets, and what it sends.
const RECEIVE: usize = 0;
const SEND: usize = 1;

/// Most chains of each queue.
const QUEUE: u16 = 256;

/// Length of the header before each packet.
const HEADER: usize = 12;

/// Header of each packet that the guest gets: nothing is left to do, and one chain has all of it.
const FINISHED: [u8; HEADER] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0];

/// Most bytes that the guest sends at once: a header, that of Ethernet with a tag, and a packet of IP.
const MOST: usize = HEADER + 18 + 0xffff;

/// What a network interface is attached to, and what it is called there.
pub(super) struct Port {
    tap: Tap,
    mac: Option<[u8; 6]>,
}

impl Port {
    /// Opens what `--net` names: `tap=NAME`, or `tap=NAME,mac=MAC`.
    pub(super) fn open(option: &str) -> Result<Port, Failure> {
        let wrong = |what: &str| {
            Failure::new(format!(
                "--net {option}: {what}, give it as tap=NAME or tap=NAME,mac=02:00:00:00:00:01"
            ))
        };
        let rest = option.strip_prefix("tap=").ok_or_else(|| wrong("there is no tap device"))?;
        let (name, mac) = match rest.split_once(',') {
            None => (rest, None),
            Some((name, more)) => {
                let mac = more.strip_prefix("mac=").and_then(parse_mac);
                (name, Some(mac.ok_or_else(|| wrong("there is no address of one interface"))?))
            }
        };
        Ok(Port { tap: Tap::open(name)?, mac })
    }
}

/// Parses the address of one interface: not of a group of these, and not zeros.
fn parse_mac(text: &str) -> Option<[u8; 6]> {
    let parse = |part: &str| match part.len() {
        2 => u8::from_str_radix(part, 16).ok(),
        _ => None,
    };
    let bytes = text.split(':').map(parse).collect::<Option<Vec<u8>>>()?;
    let mac = <[u8; 6]>::try_from(bytes).ok()?;
    (mac[0] & 1 == 0 && mac != [0; 6]).then_some(mac)
}

/// A network interface.
pub(super) struct Net {
    port: Arc<Port>,
    /// Buffers for the next packet, where none has come.
    waiting: Option<Chain>,
}

impl Net {
    pub(super) fn new(port: Arc<Port>) -> Net {
        Net { port, waiting: None }
    }

    /// Gives the guest what has come, as far as it has buffers: what is left waits in the tap device.
    fn receive(&mut self, queues: &mut Queues) -> Result<(), GuestFault> {
        for received in 0..QUEUE {
            let next = match self.waiting.take() {
                None => queues.pop(RECEIVE)?,
                waiting => waiting,
            };
            let Some(chain) = next else { return signal(queues, received) };
            let room = chain.writable(0..chain.writable_len().max(HEADER))?;
            match self.port.tap.receive(&room) {
                Ok(length) => {
                    chain.write(0, &FINISHED)?;
                    queues.complete(RECEIVE, chain.head(), length as u32)?;
                }
                // There is nothing, or the host cannot give it: it wakes the device when there is more.
                Err(_) => {
                    drop(room);
                    self.waiting = Some(chain);
                    return signal(queues, received);
                }
            }
        }
        queues.kick(RECEIVE);
        queues.signal(RECEIVE)
    }
}

/// Interrupts the driver where it received anything.
fn signal(queues: &mut Queues, received: u16) -> Result<(), GuestFault> {
    if received == 0 { Ok(()) } else { queues.signal(RECEIVE) }
}

/// Sends a packet; as on any wire, one that the host cannot take is lost.
fn send(tap: &Tap, chain: &Chain) -> Result<u32, GuestFault> {
    let length = chain.readable_len();
    if MOST < length {
        return Err(GuestFault::new(format!(
            "a packet of {length} bytes where {MOST} are the most"
        )));
    }
    let packet = chain.readable(0..length.max(HEADER))?;
    let _ = tap.send(&packet);
    Ok(0)
}

impl VirtioDevice for Net {
    fn kind(&self) -> Kind {
        Kind { id: VIRTIO_ID_NET as u16, name: "net", class: [2, 0, 0] }
    }

    fn features(&self) -> u64 {
        let mac = self.port.mac.map(|_| VIRTIO_NET_F_MAC);
        [VIRTIO_NET_F_CSUM, VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_HOST_TSO6, VIRTIO_NET_F_HOST_ECN]
            .into_iter()
            .chain(mac)
            .fold(0, |features, feature| features | 1 << feature)
    }

    fn queue_sizes(&self) -> &[u16] {
        &[QUEUE; 2]
    }

    fn read_config(&self, offset: u64, data: &mut [u8]) {
        copy_config(&self.port.mac.unwrap_or_default(), offset, data);
    }

    fn reset(&mut self) {
        self.waiting = None;
    }

    fn sources(&self) -> Vec<RawFd> {
        vec![self.port.tap.as_fd().as_raw_fd()]
    }

    fn notified(&mut self, queue: usize, queues: &mut Queues) -> Result<(), GuestFault> {
        match queue {
            SEND => queues.serve(SEND, |chain| send(&self.port.tap, chain)),
            _ => self.receive(queues),
        }
    }

    fn woken(&mut self, _source: usize, queues: &mut Queues) -> Result<(), GuestFault> {
        self.receive(queues)
    }
}
