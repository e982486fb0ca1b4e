//! A driver for tests: it starts a device, gives it buffers and takes them back, without a VM and without threads.

use std::io;
use std::sync::{Arc, Mutex};

use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};
use vmm_sys_util::epoll::EpollEvent;
use vmm_sys_util::eventfd::EventFd;

use super::control::{Control, Half, Register};
use super::device::VirtioDevice;
use super::interrupt::{Cause, Interrupt};

/// Bytes of memory: the rings are at the start, buffers from `BUFFERS` on.
pub(super) const MEMORY: usize = 4 << 20;
const BUFFERS: u64 = 2 << 20;

/// Bytes of a queue's rings.
const RINGS: u64 = 0x1_0000;
const AVAILABLE: u64 = 0x8000;
const USED: u64 = 0xa000;

/// Flags of descriptors.
pub(super) const NEXT: u16 = 1;
pub(super) const WRITE: u16 = 2;
pub(super) const INDIRECT: u16 = 4;

/// Keeps the causes of interrupts.
#[derive(Default)]
pub(super) struct Interrupts(Mutex<Vec<Cause>>);

impl Interrupt for Interrupts {
    fn raise(&self, cause: Cause) {
        self.0.lock().unwrap().push(cause);
    }
}

/// A descriptor as the driver writes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Descriptor {
    pub(super) address: u64,
    pub(super) length: u32,
    pub(super) flags: u16,
    pub(super) next: u16,
}

/// The driver of one device.
pub(super) struct Driver {
    pub(super) memory: Arc<GuestMemoryMmap>,
    pub(super) control: Control,
    kicks: Vec<EventFd>,
    interrupts: Arc<Interrupts>,
    queues: Vec<Positions>,
    next_buffer: u64,
}

/// How far the driver is in a queue.
#[derive(Default, Clone, Copy)]
struct Positions {
    size: u16,
    descriptor: u16,
    available: u16,
    used: u16,
}

/// A chain that the device gave back.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) head: u16,
    /// How many bytes it says it wrote.
    pub(super) written: u32,
    /// All that it could write.
    pub(super) bytes: Vec<u8>,
}

impl Driver {
    /// Starts a device with all features that it offers.
    pub(super) fn start(device: impl VirtioDevice + 'static) -> Driver {
        Driver::start_with(device, u64::MAX)
    }

    /// Starts a device with those of its features.
    pub(super) fn start_with(device: impl VirtioDevice + 'static, features: u64) -> Driver {
        let mut driver = Driver::find(device);
        driver.restart(features);
        driver
    }

    /// Finds a device and leaves it as it is.
    pub(super) fn find(device: impl VirtioDevice + 'static) -> Driver {
        let memory = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), MEMORY)]).unwrap();
        let (memory, interrupts) = (Arc::new(memory), Arc::new(Interrupts::default()));
        let interrupt = Arc::<Interrupts>::clone(&interrupts);
        let device = Box::new(device);
        let control =
            Control::new("virtio-test".to_owned(), device, Arc::clone(&memory), interrupt);
        let control = control.unwrap();
        let kicks = control.kicks().unwrap();
        Driver { memory, control, kicks, interrupts, queues: Vec::new(), next_buffer: BUFFERS }
    }

    /// Resets the device and starts it with those of its features.
    pub(super) fn restart(&mut self, features: u64) {
        self.control.write(Register::Status, 0);
        for status in [1, 3] {
            self.control.write(Register::Status, status);
        }
        for half in 0..2 {
            self.control.write(Register::DeviceFeatureSelect, half);
            self.control.write(Register::DriverFeatureSelect, half);
            let taken =
                self.control.read(Register::DeviceFeature) & (features >> (32 * half)) as u32;
            self.control.write(Register::DriverFeature, taken);
        }
        self.control.write(Register::Status, 11);
        assert_eq!(self.control.read(Register::Status), 11, "the device takes the features");
        self.queues.clear();
        for index in 0..self.control.read(Register::QueueCount) {
            self.set_up(index);
        }
        self.control.write(Register::Status, 15);
        self.run();
    }

    fn set_up(&mut self, index: u32) {
        let rings = RINGS * u64::from(index);
        self.memory.write_slice(&[0; RINGS as usize], GuestAddress(rings)).unwrap();
        self.control.write(Register::QueueSelect, index);
        let size = self.control.read(Register::QueueSize) as u16;
        self.control.write(Register::Descriptors(Half::Low), rings as u32);
        self.control.write(Register::Available(Half::Low), (rings + AVAILABLE) as u32);
        self.control.write(Register::Used(Half::Low), (rings + USED) as u32);
        self.control.write(Register::QueueReady, 1);
        assert_eq!(self.control.read(Register::QueueReady), 1, "queue {index} is ready");
        self.queues.push(Positions { size, ..Positions::default() });
    }

    /// Returns the index of the last queue.
    pub(super) fn last_queue(&self) -> usize {
        self.queues.len() - 1
    }

    /// Returns memory for a buffer; it is used again after a while.
    pub(super) fn allocate(&mut self, length: usize) -> u64 {
        if MEMORY as u64 - self.next_buffer < length as u64 {
            self.next_buffer = BUFFERS;
        }
        let address = self.next_buffer;
        self.next_buffer += length as u64;
        address
    }

    /// Offers a chain: buffers that the device reads, and lengths of those that it writes. Returns its head.
    pub(super) fn offer(&mut self, queue: usize, readable: &[&[u8]], writable: &[usize]) -> u16 {
        let mut chain = Vec::new();
        for bytes in readable {
            let address = self.allocate(bytes.len());
            self.memory.write_slice(bytes, GuestAddress(address)).unwrap();
            chain.push((address, bytes.len() as u32, 0));
        }
        for length in writable {
            let address = self.allocate(*length);
            self.memory.write_slice(&vec![0; *length], GuestAddress(address)).unwrap();
            chain.push((address, *length as u32, WRITE));
        }
        let Positions { size, descriptor: head, .. } = self.queues[queue];
        let last = chain.len() as u16 - 1;
        for (index, (address, length, flags)) in (0..).zip(chain) {
            let next = (head + index + 1) % size;
            let flags = if index == last { flags } else { flags | NEXT };
            let descriptor = Descriptor { address, length, flags, next };
            self.describe(queue, (head + index) % size, descriptor);
        }
        self.queues[queue].descriptor = (head + last + 1) % size;
        self.make_available(queue, head);
        head
    }

    /// Writes a descriptor of a queue.
    pub(super) fn describe(&self, queue: usize, index: u16, descriptor: Descriptor) {
        self.write_descriptor(descriptor_at(queue, index), descriptor);
    }

    /// Writes a descriptor at an address.
    pub(super) fn write_descriptor(&self, at: u64, descriptor: Descriptor) {
        let Descriptor { address, length, flags, next } = descriptor;
        let words = [address, u64::from(length) | u64::from(flags) << 32 | u64::from(next) << 48];
        self.memory.write_obj(words, GuestAddress(at)).unwrap();
    }

    fn read_descriptor(&self, queue: usize, index: u16) -> Descriptor {
        let at = GuestAddress(descriptor_at(queue, index));
        let [address, rest]: [u64; 2] = self.memory.read_obj(at).unwrap();
        let (length, flags, next) = (rest as u32, (rest >> 32) as u16, (rest >> 48) as u16);
        Descriptor { address, length, flags, next }
    }

    /// Puts the chain that begins at a descriptor into the available ring.
    pub(super) fn make_available(&mut self, queue: usize, head: u16) {
        let Positions { size, available, .. } = self.queues[queue];
        let ring = RINGS * queue as u64 + AVAILABLE;
        let slot = ring + 4 + 2 * u64::from(available % size);
        self.memory.write_obj(head, GuestAddress(slot)).unwrap();
        self.set_available(queue, available.wrapping_add(1));
    }

    /// Sets how many chains were made available.
    pub(super) fn set_available(&mut self, queue: usize, available: u16) {
        self.queues[queue].available = available;
        let index = RINGS * queue as u64 + AVAILABLE + 2;
        self.memory.write_obj(available, GuestAddress(index)).unwrap();
    }

    /// Tells the device of a queue, and lets it work until it has nothing to do.
    pub(super) fn kick(&mut self, queue: usize) {
        self.kicks[queue].write(1).unwrap();
        self.run();
    }

    /// Tells the device of a queue, and lets it do what it does at once.
    pub(super) fn wake(&mut self, queue: usize) {
        self.kicks[queue].write(1).unwrap();
        self.work(0);
    }

    /// Lets the device work until it has nothing to do: what its thread does.
    pub(super) fn run(&mut self) {
        while self.work(0) {}
    }

    /// Lets the device do what it is woken for within so many milliseconds; says whether it was.
    fn work(&mut self, patience: i32) -> bool {
        let mut events = [EpollEvent::default(); 8];
        let epoll = Arc::clone(self.control.epoll());
        let count = loop {
            match epoll.wait(patience, &mut events) {
                Ok(count) => break count,
                // The kernel's own work for a request of this thread, too, ends the wait.
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::Interrupted),
            }
        };
        for event in &events[..count] {
            self.control.wake(event.data());
        }
        count != 0
    }

    /// Takes the next chain that the device gave back.
    pub(super) fn take(&mut self, queue: usize) -> Option<Used> {
        let Positions { size, used, .. } = self.queues[queue];
        let ring = RINGS * queue as u64 + USED;
        let index: u16 = self.memory.read_obj(GuestAddress(ring + 2)).unwrap();
        if index == used {
            return None;
        }
        let element = ring + 4 + 8 * u64::from(used % size);
        let head: u32 = self.memory.read_obj(GuestAddress(element)).unwrap();
        let written = self.memory.read_obj(GuestAddress(element + 4)).unwrap();
        let used = used.wrapping_add(1);
        self.queues[queue].used = used;
        // It wants to know of the next one.
        let event = RINGS * queue as u64 + AVAILABLE + 4 + 2 * u64::from(size);
        self.memory.write_obj(used, GuestAddress(event)).unwrap();
        Some(Used { head: head as u16, written, bytes: self.written(queue, head as u16) })
    }

    /// Returns what is in the buffers of a chain that the device could write.
    fn written(&self, queue: usize, head: u16) -> Vec<u8> {
        let (mut bytes, mut next) = (Vec::new(), Some(head));
        while let Some(index) = next {
            let descriptor = self.read_descriptor(queue, index);
            if descriptor.flags & WRITE != 0 {
                let mut buffer = vec![0; descriptor.length as usize];
                self.memory.read_slice(&mut buffer, GuestAddress(descriptor.address)).unwrap();
                bytes.extend(buffer);
            }
            next = (descriptor.flags & NEXT != 0).then_some(descriptor.next);
        }
        bytes
    }

    /// Gives a device a request, and returns what it wrote.
    pub(super) fn request(&mut self, queue: usize, readable: &[&[u8]], writable: &[usize]) -> Used {
        let head = self.offer(queue, readable, writable);
        self.kick(queue);
        let used = self.wait(queue);
        assert_eq!(used.head, head);
        used
    }

    /// Waits for the next chain that the device gives back.
    pub(super) fn wait(&mut self, queue: usize) -> Used {
        loop {
            match self.take(queue) {
                Some(used) => return used,
                None => assert!(self.work(10_000), "the device answers"),
            }
        }
    }

    /// Reads a register of the device's configuration.
    pub(super) fn config<const N: usize>(&self, offset: u64) -> [u8; N] {
        let mut data = [0; N];
        self.control.read_config(offset, &mut data);
        data
    }

    /// Returns the interrupts since the last call.
    pub(super) fn interrupts(&self) -> Vec<Cause> {
        std::mem::take(&mut self.interrupts.0.lock().unwrap())
    }

    /// Says whether the device has stopped for a mistake of the driver.
    pub(super) fn needs_reset(&self) -> bool {
        self.control.read(Register::Status) & 64 != 0
    }
}

/// A chain that is a mistake: the queue, what is to read, and lengths to write.
pub(super) type Mistake<'a> = (usize, &'a [&'a [u8]], &'a [usize]);

/// Has a driver make each of these mistakes, at a device that starts for it and beside what the device needs, and
/// expects that the device stops.
pub(super) fn expect_stops<H>(mistakes: &[Mistake<'_>], start: impl Fn() -> (Driver, H)) {
    for (queue, readable, writable) in mistakes {
        let (mut driver, _host) = start();
        driver.offer(*queue, readable, writable);
        driver.kick(*queue);
        let lengths: Vec<usize> = readable.iter().map(|bytes| bytes.len()).collect();
        assert!(driver.needs_reset(), "queue {queue}: {lengths:?} to read, {writable:?} to write");
    }
}

fn descriptor_at(queue: usize, index: u16) -> u64 {
    RINGS * queue as u64 + 16 * u64::from(index)
}
