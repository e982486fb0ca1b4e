//! A driver of virtio devices, in a guest that does what it is told.

mod pci;
mod registers;

use std::time::{Duration, Instant};

use crate::remote::Guest;
use registers::{
    AVAILABLE, DESCRIPTORS, DEVICE_FEATURE, DEVICE_FEATURE_SELECT, DRIVER_FEATURE,
    DRIVER_FEATURE_SELECT, QUEUE_READY, QUEUE_SELECT, QUEUE_SIZE, USED,
};
pub(crate) use registers::{Register, STATUS};

/// Where the driver has the rings of a queue, what queues are apart, and where its buffers are.
const DESCRIPTOR_TABLE: u64 = 0x20_0000;
const AVAILABLE_RING: u64 = 0x20_1000;
const USED_RING: u64 = 0x20_2000;
const QUEUE_APART: u64 = 0x1_0000;
pub(crate) const BUFFERS: u64 = 0x30_0000;

/// Entries of a queue.
const SIZE: u16 = 8;

/// Flags of descriptors.
pub(crate) const NEXT: u16 = 1;
pub(crate) const WRITE: u16 = 2;

/// Status: the device stopped for a mistake of the driver.
pub(crate) const NEEDS_RESET: u64 = 64;

/// Registers of the first device that is not behind PCI, what they are apart, where its queues are notified, and its
/// configuration.
const MMIO: u64 = 0xfeb0_0000;
const MMIO_APART: u64 = 0x1000;
const MMIO_NOTIFY: u64 = 0x50;
const MMIO_CONFIG: u64 = 0x100;

/// The input of that device.
const MMIO_INPUT: u64 = 10;

/// Registers of the interrupt controllers.
const IO_APIC: u64 = 0xfec0_0000;
const LOCAL_APIC: u64 = 0xfee0_0000;
const SPURIOUS: u64 = LOCAL_APIC + 0xf0;
const REQUESTED: u64 = LOCAL_APIC + 0x200;

/// How a device is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Pci,
    Mmio,
}

impl Transport {
    /// Returns its name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Transport::Pci => "pci",
            Transport::Mmio => "mmio",
        }
    }
}

/// The driver of a device.
pub(crate) struct Driver<'g> {
    pub(crate) guest: &'g mut Guest,
    transport: Transport,
    /// Its number among the devices.
    slot: u64,
    /// Where its registers are, its first queue is notified, and its configuration is.
    pub(crate) base: u64,
    notify: u64,
    pub(crate) config: u64,
    queues: Vec<Positions>,
}

/// How many chains of a queue were made available, and taken back.
#[derive(Default)]
struct Positions {
    available: u16,
    used: u16,
}

/// A buffer: address, length, flags, and which one is next.
pub(crate) type Descriptor = (u64, u32, u16, u16);

impl<'g> Driver<'g> {
    /// Finds the first device of that kind: a number of section 5 of the specification.
    pub(crate) fn find(guest: &'g mut Guest, transport: Transport, kind: u64) -> Driver<'g> {
        let is_it = |guest: &mut Guest, slot| match transport {
            Transport::Pci => pci::is_virtio(guest, slot, kind),
            Transport::Mmio => guest.read(MMIO + MMIO_APART * slot + 8, 4) == kind,
        };
        let slot = (0..8).find(|slot| is_it(guest, *slot)).expect("the device is there");
        let [base, notify, config] = match transport {
            Transport::Pci => pci::place(guest, slot),
            Transport::Mmio => {
                [0, MMIO_NOTIFY, MMIO_CONFIG].map(|at| MMIO + MMIO_APART * slot + at)
            }
        };
        Driver { guest, transport, slot, base, notify, config, queues: Vec::new() }
    }

    /// Resets the device and starts it with that many of its queues and no feature but the version.
    pub(crate) fn start(&mut self, queues: u64) {
        if self.transport == Transport::Pci {
            pci::place(self.guest, self.slot);
        }
        self.set(STATUS, 0);
        for status in [1, 3] {
            self.set(STATUS, status);
        }
        self.set(DEVICE_FEATURE_SELECT, 1);
        assert_eq!(self.get(DEVICE_FEATURE) & 1, 1, "the device offers its version");
        self.set(DRIVER_FEATURE_SELECT, 1);
        self.set(DRIVER_FEATURE, 1);
        self.set(STATUS, 11);
        self.queues.clear();
        (0..queues).for_each(|queue| self.set_up(queue));
        self.set(STATUS, 15);
        assert_eq!(self.get(STATUS), 15, "the device starts");
    }

    fn set_up(&mut self, queue: u64) {
        for ring in [AVAILABLE_RING, USED_RING] {
            self.guest.write(ring + QUEUE_APART * queue, 4, 0);
        }
        self.queues.push(Positions::default());
        self.set(QUEUE_SELECT, queue);
        self.set(QUEUE_SIZE, SIZE.into());
        let addresses =
            [(DESCRIPTORS, DESCRIPTOR_TABLE), (AVAILABLE, AVAILABLE_RING), (USED, USED_RING)];
        for (register, address) in addresses {
            self.set(register, address + QUEUE_APART * queue);
        }
        self.set(QUEUE_READY, 1);
        assert_eq!(self.get(QUEUE_READY), 1, "the device takes the queue");
    }

    /// Reads a register.
    pub(crate) fn get(&mut self, register: Register) -> u64 {
        let (offset, width) = register.place(self.transport);
        self.guest.read(self.base + offset, width)
    }

    /// Writes a register.
    pub(crate) fn set(&mut self, register: Register, value: u64) {
        let (offset, width) = register.place(self.transport);
        self.guest.write(self.base + offset, width, value);
    }

    /// Gives the device a chain of buffers, one descriptor after the other, and returns how many bytes it wrote.
    pub(crate) fn request(&mut self, queue: u64, buffers: &[(u64, u32, u16)]) -> u64 {
        let last = buffers.len() - 1;
        for (index, (address, length, flags)) in (0..).zip(buffers) {
            let flags = if usize::from(index) < last { flags | NEXT } else { *flags };
            self.describe(queue, index, (*address, *length, flags, index + 1));
        }
        self.make_available(queue, 0);
        self.kick(queue);
        let mut used = None;
        self.wait("the device answers", |driver| {
            used = driver.take(queue);
            used.is_some()
        });
        used.map_or(0, |(_, written)| written)
    }

    /// Writes a descriptor of a queue.
    pub(crate) fn describe(
        &mut self,
        queue: u64,
        index: u16,
        (address, length, flags, next): Descriptor,
    ) {
        let at = DESCRIPTOR_TABLE + QUEUE_APART * queue + 16 * u64::from(index);
        let rest = u64::from(length) | u64::from(flags) << 32 | u64::from(next) << 48;
        self.guest.write(at, 8, address);
        self.guest.write(at + 8, 8, rest);
    }

    /// Puts the chain that begins at a descriptor into the available ring of a queue.
    pub(crate) fn make_available(&mut self, queue: u64, head: u16) {
        let ring = AVAILABLE_RING + QUEUE_APART * queue;
        let Positions { available, .. } = &mut self.queues[queue as usize];
        let slot = ring + 4 + 2 * u64::from(*available % SIZE);
        self.guest.write(slot, 2, head.into());
        *available = available.wrapping_add(1);
        self.guest.write(ring + 2, 2, (*available).into());
    }

    /// Tells the device that there is something new in a queue.
    pub(crate) fn kick(&mut self, queue: u64) {
        let (address, width, value) = self.bell(queue);
        self.guest.write(address, width, value);
    }

    /// Returns the write that tells it: address, width, value.
    pub(crate) fn bell(&self, queue: u64) -> (u64, usize, u64) {
        match self.transport {
            Transport::Pci => (self.notify + pci::NOTIFY_APART * queue, 2, queue),
            Transport::Mmio => (self.notify, 4, queue),
        }
    }

    /// Takes the next chain that the device gave back, if there is one: its head, and how many bytes were written.
    pub(crate) fn take(&mut self, queue: u64) -> Option<(u16, u64)> {
        let ring = USED_RING + QUEUE_APART * queue;
        let Positions { used, .. } = &mut self.queues[queue as usize];
        if self.guest.read(ring + 2, 2) == u64::from(*used) {
            return None;
        }
        let element = self.guest.read(ring + 4 + 8 * u64::from(*used % SIZE), 8);
        *used = used.wrapping_add(1);
        Some((element as u16, element >> 32))
    }

    /// Waits until the device has done something.
    pub(crate) fn wait(&mut self, what: &str, mut is_done: impl FnMut(&mut Driver<'g>) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !is_done(self) {
            assert!(Instant::now() < deadline, "{what}");
        }
    }

    /// Has the first queue interrupt by that vector; comes after the start.
    pub(crate) fn connect(&mut self, vector: u64) {
        self.guest.write(SPURIOUS, 4, 0x1ff);
        match self.transport {
            Transport::Pci => {
                self.set(QUEUE_SELECT, 0);
                pci::set_message(self.guest, self.slot, LOCAL_APIC, vector);
            }
            Transport::Mmio => {
                let entry = 0x10 + 2 * (MMIO_INPUT + self.slot);
                for (index, value) in [(entry + 1, 0), (entry, vector)] {
                    self.guest.write(IO_APIC, 4, index);
                    self.guest.write(IO_APIC + 0x10, 4, value);
                }
            }
        }
    }

    /// Says whether an interrupt of that vector waits to be taken, which this guest never does.
    pub(crate) fn is_interrupted(&mut self, vector: u64) -> bool {
        self.guest.read(REQUESTED + 0x10 * (vector / 32), 4) >> (vector % 32) & 1 != 0
    }
}
