//! The transports against a model of the state machine: whatever a driver writes, in whatever order.

use std::sync::{Arc, Mutex};

use arbtest::arbitrary::{Result, Unstructured};
use arbtest::arbtest;
use vm_memory::{GuestAddress, GuestMemoryMmap};
use vmm_sys_util::eventfd::EventFd;

use super::control::{Half, Register};
use super::device::{Kind, VirtioDevice};
use super::fault::GuestFault;
use super::mmio::VirtioMmio;
use super::pci::{VirtioPci, Way};
use super::queues::Queues;
use crate::machine::bus::Device;
use crate::machine::pci::Function;
use crate::machine::wires::{Bell, Line, Message, Wires};

const MEMORY: u64 = 1 << 20;
const FEATURES: u64 = 1 << 40 | 1 << 32 | 1 << 29 | 1 << 28 | 1;
const SIZES: [u16; 2] = [16, 64];

/// How often the device was started and reset.
type Calls = Arc<Mutex<[u32; 2]>>;

/// A device that does nothing.
struct Idle(Calls);

impl VirtioDevice for Idle {
    fn kind(&self) -> Kind {
        Kind { id: 0x3f, name: "idle", class: [0xff, 0, 0] }
    }

    fn features(&self) -> u64 {
        1 << 40 | 1
    }

    fn queue_sizes(&self) -> &[u16] {
        &SIZES
    }

    fn read_config(&self, _: u64, _: &mut [u8]) {}

    fn start(&mut self, _: u64) {
        self.0.lock().unwrap()[0] += 1;
    }

    fn reset(&mut self) {
        self.0.lock().unwrap()[1] += 1;
    }

    fn notified(&mut self, _: usize, _: &mut Queues) -> std::result::Result<(), GuestFault> {
        Ok(())
    }
}

/// Wires to nowhere.
struct Loose;

impl Wires for Loose {
    fn takes_messages(&self) -> bool {
        true
    }

    fn raise(&self, _: u32) {}
    fn lower(&self, _: u32) {}
    fn send(&self, _: Message) {}
    fn connect(&self, _: Bell, _: &EventFd) {}
    fn disconnect(&self, _: Bell, _: &EventFd) {}
}

/// A transport, and which of its registers can be read.
enum Transport {
    Pci(Box<VirtioPci>),
    Mmio(VirtioMmio),
}

impl Transport {
    /// All of them, PCI with messages and with a line, with what counts the calls of their devices.
    fn all() -> [(Transport, Calls); 3] {
        let memory = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), MEMORY as usize)]).unwrap();
        let memory = Arc::new(memory);
        let name = || "virtio-idle0".to_owned();
        let pci = |way| {
            let calls = Calls::default();
            let device = Box::new(Idle(Arc::clone(&calls)));
            let (memory, wires) = (Arc::clone(&memory), Arc::new(Loose));
            let function = VirtioPci::new(name(), device, memory, wires, way).unwrap();
            (Transport::Pci(Box::new(function)), calls)
        };
        let calls = Calls::default();
        let device = Box::new(Idle(Arc::clone(&calls)));
        let memory = Arc::clone(&memory);
        let registers = VirtioMmio::new(name(), device, memory, Arc::new(Loose), (0, 0)).unwrap();
        let line = Line::new(Arc::new(Loose), 0);
        [pci(Way::Messages(0)), pci(Way::Line(line)), (Transport::Mmio(registers), calls)]
    }

    /// Offset and length of a register; for MMIO, whether it can be read, too.
    fn place(&self, register: Register) -> Option<(u64, usize, bool)> {
        let pci = |offset, length| Some((offset, length, true));
        let mmio = |offset, is_readable| Some((offset, 4, is_readable));
        let high = |half| if half == Half::High { 4 } else { 0 };
        match (self, register) {
            (Transport::Pci(_), Register::DeviceFeatureSelect) => pci(0x00, 4),
            (Transport::Pci(_), Register::DeviceFeature) => pci(0x04, 4),
            (Transport::Pci(_), Register::DriverFeatureSelect) => pci(0x08, 4),
            (Transport::Pci(_), Register::DriverFeature) => pci(0x0c, 4),
            (Transport::Pci(_), Register::Status) => pci(0x14, 1),
            (Transport::Pci(_), Register::QueueSelect) => pci(0x16, 2),
            (Transport::Pci(_), Register::QueueSize) => pci(0x18, 2),
            (Transport::Pci(_), Register::QueueReady) => pci(0x1c, 2),
            (Transport::Pci(_), Register::Descriptors(half)) => pci(0x20 + high(half), 4),
            (Transport::Pci(_), Register::Available(half)) => pci(0x28 + high(half), 4),
            (Transport::Pci(_), Register::Used(half)) => pci(0x30 + high(half), 4),
            (Transport::Mmio(_), Register::DeviceFeature) => mmio(0x10, true),
            (Transport::Mmio(_), Register::DeviceFeatureSelect) => mmio(0x14, false),
            (Transport::Mmio(_), Register::DriverFeature) => mmio(0x20, false),
            (Transport::Mmio(_), Register::DriverFeatureSelect) => mmio(0x24, false),
            (Transport::Mmio(_), Register::QueueSelect) => mmio(0x30, false),
            (Transport::Mmio(_), Register::QueueSize) => mmio(0x38, false),
            (Transport::Mmio(_), Register::QueueReady) => mmio(0x44, true),
            (Transport::Mmio(_), Register::Status) => mmio(0x70, true),
            (Transport::Mmio(_), Register::Descriptors(half)) => mmio(0x80 + high(half), false),
            (Transport::Mmio(_), Register::Available(half)) => mmio(0x90 + high(half), false),
            (Transport::Mmio(_), Register::Used(half)) => mmio(0xa0 + high(half), false),
            _ => None,
        }
    }

    fn write(&self, register: Register, value: u32) {
        if let Some((offset, length, _)) = self.place(register) {
            self.write_at(offset, &value.to_le_bytes()[..length]);
        }
    }

    fn read(&self, register: Register) -> Option<u32> {
        let (offset, length, _) =
            self.place(register).filter(|(_, _, is_readable)| *is_readable)?;
        let mut word = [0; 4];
        self.read_at(offset, &mut word[..length]);
        Some(u32::from_le_bytes(word))
    }

    fn write_at(&self, offset: u64, data: &[u8]) {
        match self {
            Transport::Pci(function) => function.write(offset, data),
            Transport::Mmio(registers) => drop(registers.write(offset, data).unwrap()),
        }
    }

    fn read_at(&self, offset: u64, data: &mut [u8]) {
        match self {
            Transport::Pci(function) => function.read(offset, data),
            Transport::Mmio(registers) => registers.read(offset, data),
        }
    }
}

/// Registers that a driver may write, and those that it finds its writes in.
const WRITTEN: [Register; 13] = [
    Register::DeviceFeatureSelect,
    Register::DriverFeatureSelect,
    Register::DriverFeature,
    Register::Status,
    Register::QueueSelect,
    Register::QueueSize,
    Register::QueueReady,
    Register::Descriptors(Half::Low),
    Register::Descriptors(Half::High),
    Register::Available(Half::Low),
    Register::Available(Half::High),
    Register::Used(Half::Low),
    Register::Used(Half::High),
];

/// What the specification says a driver finds.
#[derive(Default)]
struct Model {
    status: u32,
    selects: [u32; 2],
    features: u64,
    queue: u32,
    rings: [Ring; 2],
    calls: [u32; 2],
}

#[derive(Default, Clone, Copy)]
struct Ring {
    size: Option<u32>,
    ready: bool,
    /// Of the descriptors, the available and the used ring.
    addresses: [u64; 3],
}

impl Model {
    fn write(&mut self, register: Register, value: u32) {
        let is_before_start = self.status & 0x8c == 8;
        match register {
            Register::DeviceFeatureSelect => self.selects[0] = value,
            Register::DriverFeatureSelect => self.selects[1] = value,
            Register::QueueSelect => self.queue = value,
            Register::DriverFeature if self.status & 10 == 2 && self.selects[1] < 2 => {
                let mut halves = [self.features as u32, (self.features >> 32) as u32];
                halves[self.selects[1] as usize] = value;
                self.features = u64::from(halves[1]) << 32 | u64::from(halves[0]);
            }
            Register::Status => self.set_status(value & 0xff),
            _ if is_before_start => {
                let index = self.queue as usize;
                if let Some(ring) = self.rings.get_mut(index) {
                    ring.write(SIZES[index].into(), register, value);
                }
            }
            _ => {}
        }
    }

    fn set_status(&mut self, value: u32) {
        if value == 0 {
            let [starts, resets] = self.calls;
            *self = Model { calls: [starts, resets + 1], ..Model::default() };
        } else if self.status & 0x80 != 0 {
        } else if value & 0x80 != 0 {
            self.status |= 0x80;
        } else if [1, 3, 11, 15].contains(&value) && self.status < value {
            let agrees = self.features & !FEATURES == 0 && self.features & 1 << 32 != 0;
            let stops = self.status < 11 && 11 <= value && !agrees;
            self.status = if stops { 3 } else { value };
            self.calls[0] += u32::from(self.status == 15);
        }
    }

    fn read(&self, register: Register) -> u32 {
        let half = |value: u64, half| match half {
            Half::Low => value as u32,
            Half::High => (value >> 32) as u32,
        };
        let word = |value: u64, select| match select {
            0 => value as u32,
            1 => (value >> 32) as u32,
            _ => 0,
        };
        let index = self.queue as usize;
        let ring = self.rings.get(index).copied();
        let address =
            |number: usize, which| ring.map_or(0, |ring| half(ring.addresses[number], which));
        match register {
            Register::DeviceFeatureSelect => self.selects[0],
            Register::DriverFeatureSelect => self.selects[1],
            Register::DeviceFeature => word(FEATURES, self.selects[0]),
            Register::DriverFeature => word(self.features, self.selects[1]),
            Register::Status => self.status,
            Register::QueueSelect => self.queue,
            Register::QueueSize => ring.map_or(0, |ring| ring.size.unwrap_or(SIZES[index].into())),
            Register::QueueReady => ring.is_some_and(|ring| ring.ready).into(),
            Register::Descriptors(which) => address(0, which),
            Register::Available(which) => address(1, which),
            Register::Used(which) => address(2, which),
            _ => 0,
        }
    }
}

impl Ring {
    fn write(&mut self, most: u32, register: Register, value: u32) {
        let size = self.size.unwrap_or(most);
        let mut set = |number: usize, half, alignment| {
            let mut halves = self.addresses.map(|it| [it as u32, (it >> 32) as u32])[number];
            halves[usize::from(half == Half::High)] = value;
            if halves[0] % alignment == 0 && !self.ready {
                self.addresses[number] = u64::from(halves[1]) << 32 | u64::from(halves[0]);
            }
        };
        match register {
            Register::QueueSize if !self.ready && value.is_power_of_two() && value <= most => {
                self.size = Some(value);
            }
            Register::Descriptors(half) => set(0, half, 16),
            Register::Available(half) => set(1, half, 2),
            Register::Used(half) => set(2, half, 4),
            Register::QueueReady => {
                let lengths = [16 * size, 6 + 2 * size, 6 + 8 * size];
                let ends = self.addresses.iter().zip(lengths);
                let mut ends = ends.map(|(at, length)| at.saturating_add(length.into()));
                self.ready = value == 1 && ends.all(|end| end <= MEMORY);
            }
            _ => {}
        }
    }
}

/// A value that a driver may mean: small, a step of a start, half of the features, an address, or any.
fn value(u: &mut Unstructured<'_>) -> Result<u32> {
    Ok(match u.int_in_range(0..=6)? {
        0 => u.int_in_range(0..=3)?,
        1 => *u.choose(&[1, 3, 11, 15])?,
        2 => *u.choose(&[FEATURES as u32, (FEATURES >> 32) as u32])?,
        3 => *u.choose(&[8, 16, 32, 64])?,
        4 => u.int_in_range(0..=0x1000)? * 16,
        5 => MEMORY as u32 - u.int_in_range(0..=0x400)?,
        _ => u.arbitrary()?,
    })
}

/// Starts a device as drivers do, up to a step: random writes alone would seldom come so far.
fn begin(u: &mut Unstructured<'_>, mut write: impl FnMut(Register, u32)) -> Result<()> {
    let taken = *u.choose(&[FEATURES, FEATURES, FEATURES | 2, FEATURES & !(1 << 32)])?;
    let mut steps = vec![(Register::Status, 0), (Register::Status, 1), (Register::Status, 3)];
    for half in 0..2 {
        steps.push((Register::DriverFeatureSelect, half));
        steps.push((Register::DriverFeature, (taken >> (32 * half)) as u32));
    }
    steps.push((Register::Status, 11));
    for queue in 0..2 {
        steps.push((Register::QueueSelect, queue));
        steps.push((Register::Available(Half::Low), 0x4000));
        steps.push((Register::QueueReady, 1));
    }
    steps.push((Register::Status, 15));
    let count = u.int_in_range(0..=steps.len())?;
    steps.into_iter().take(count).for_each(|(register, value)| write(register, value));
    Ok(())
}

#[test]
fn a_driver_finds_what_the_specification_says_whatever_it_writes() {
    arbtest(|u| {
        for (transport, calls) in Transport::all() {
            let mut model = Model::default();
            let write = |model: &mut Model, register, value: u32| {
                let length = transport.place(register).map_or(0, |(_, length, _)| length);
                transport.write(register, value);
                model.write(register, (u64::from(value) & ((1 << (8 * length)) - 1)) as u32);
            };
            begin(u, |register, value| write(&mut model, register, value))?;
            for _ in 0..u.int_in_range(0..=20)? {
                let (register, value) = (*u.choose(&WRITTEN)?, value(u)?);
                write(&mut model, register, value);
                for other in WRITTEN {
                    if let Some(found) = transport.read(other) {
                        let after = format!("{other:?} after {register:?} = {value:#x}");
                        assert_eq!(found, model.read(other), "{after}");
                    }
                }
                assert_eq!(*calls.lock().unwrap(), model.calls, "{register:?} = {value:#x}");
            }
        }
        Ok(())
    });
}

#[test]
fn no_access_of_whatever_place_and_length_breaks_a_transport() {
    arbtest(|u| {
        let transports = Transport::all();
        while !u.is_empty() {
            let (transport, _) = u.choose(&transports)?;
            let offset = u.int_in_range(0..=0x5000_u64)?;
            let mut data = [0; 8];
            u.fill_buffer(&mut data)?;
            let data = &mut data[..u.int_in_range(0..=8)?];
            match (transport, u.int_in_range(0..=3)?) {
                (Transport::Pci(function), 0) => function.read(offset, data),
                (Transport::Pci(function), 1) => function.write(offset, data),
                (Transport::Pci(function), 2) => function.read_configuration(offset % 4096, data),
                (Transport::Pci(function), _) => function.write_configuration(offset % 4096, data),
                (Transport::Mmio(registers), 0 | 1) => registers.read(offset % 4096, data),
                (Transport::Mmio(registers), _) => {
                    drop(registers.write(offset % 4096, data).unwrap());
                }
            }
        }
        Ok(())
    });
}
