//! Network interfaces on tap devices of the host.

mod arrival;
mod offload;
mod tap;
#[cfg(test)]
mod tests;

use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::Arc;

use virtio_bindings::virtio_ids::VIRTIO_ID_NET;
use virtio_bindings::virtio_net::{
    VIRTIO_NET_F_CSUM, VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_ECN, VIRTIO_NET_F_GUEST_TSO4,
    VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_F_HOST_ECN, VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_HOST_TSO6,
    VIRTIO_NET_F_MAC, VIRTIO_NET_F_MRG_RXBUF,
};

use super::chain::Chain;
use super::device::{Kind, VirtioDevice, copy_config};
use super::fault::GuestFault;
use super::queues::Queues;
use crate::failure::Failure;
use arrival::Arrival;
use tap::Tap;

/// The queues: what the guest gets, and what it sends.
const RECEIVE: usize = 0;
const SEND: usize = 1;

/// Most chains of each queue.
const QUEUE: u16 = 256;

/// Length of the header before each packet.
const HEADER: usize = 12;

/// Most bytes of a packet: a header, that of Ethernet with a tag, and a packet of IP.
const MOST: usize = HEADER + 18 + 0xffff;

/// What a driver may take upon itself of the packets that it gets, and leave to the host of those that it sends.
const FEATURES: [u32; 9] = [
    VIRTIO_NET_F_GUEST_CSUM,
    VIRTIO_NET_F_GUEST_TSO4,
    VIRTIO_NET_F_GUEST_TSO6,
    VIRTIO_NET_F_GUEST_ECN,
    VIRTIO_NET_F_MRG_RXBUF,
    VIRTIO_NET_F_CSUM,
    VIRTIO_NET_F_HOST_TSO4,
    VIRTIO_NET_F_HOST_TSO6,
    VIRTIO_NET_F_HOST_ECN,
];

/// What a network interface is attached to, and what it is called there.
pub(super) struct Port {
    /// Name of the tap device.
    name: String,
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
        Ok(Port { name: name.to_owned(), tap: Tap::open(name)?, mac })
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
    arrival: Arrival,
    has_complained: bool,
}

impl Net {
    pub(super) fn new(port: Arc<Port>) -> Net {
        Net { port, arrival: Arrival::new(), has_complained: false }
    }

    fn receive(&mut self, queues: &mut Queues) -> Result<(), GuestFault> {
        let Net { port, arrival, has_complained } = self;
        arrival.receive(&port.tap, queues, |length, room| {
            if !*has_complained {
                *has_complained = true;
                log::warn!(
                    "the tap device {0}: a packet of {length} bytes is lost where the guest has room for {room}: `ip link set dev {0} mtu 1500` keeps them shorter",
                    port.name
                );
            }
        })
    }
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
        FEATURES.into_iter().chain(mac).fold(0, |features, feature| features | 1 << feature)
    }

    fn queue_sizes(&self) -> &[u16] {
        &[QUEUE; 2]
    }

    fn read_config(&self, offset: u64, data: &mut [u8]) {
        copy_config(&self.port.mac.unwrap_or_default(), offset, data);
    }

    fn start(&mut self, features: u64) {
        if let Err(error) = self.port.tap.leave(offload::flags(features)) {
            log::warn!("the tap device {}: the host finishes all packets: {error}", self.port.name);
        }
        self.arrival.start(features);
    }

    fn reset(&mut self) {
        self.arrival.reset();
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
