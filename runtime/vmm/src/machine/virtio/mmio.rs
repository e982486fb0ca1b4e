//! The memory-mapped transport, version 2: a page of registers and a line.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use virtio_bindings::virtio_mmio::{
    VIRTIO_MMIO_CONFIG, VIRTIO_MMIO_CONFIG_GENERATION, VIRTIO_MMIO_DEVICE_FEATURES,
    VIRTIO_MMIO_DEVICE_FEATURES_SEL, VIRTIO_MMIO_DEVICE_ID, VIRTIO_MMIO_DRIVER_FEATURES,
    VIRTIO_MMIO_DRIVER_FEATURES_SEL, VIRTIO_MMIO_INT_CONFIG, VIRTIO_MMIO_INT_VRING,
    VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INTERRUPT_STATUS, VIRTIO_MMIO_MAGIC_VALUE,
    VIRTIO_MMIO_QUEUE_AVAIL_HIGH, VIRTIO_MMIO_QUEUE_AVAIL_LOW, VIRTIO_MMIO_QUEUE_DESC_HIGH,
    VIRTIO_MMIO_QUEUE_DESC_LOW, VIRTIO_MMIO_QUEUE_NOTIFY, VIRTIO_MMIO_QUEUE_NUM,
    VIRTIO_MMIO_QUEUE_NUM_MAX, VIRTIO_MMIO_QUEUE_READY, VIRTIO_MMIO_QUEUE_SEL,
    VIRTIO_MMIO_QUEUE_USED_HIGH, VIRTIO_MMIO_QUEUE_USED_LOW, VIRTIO_MMIO_SHM_BASE_HIGH,
    VIRTIO_MMIO_SHM_BASE_LOW, VIRTIO_MMIO_SHM_LEN_HIGH, VIRTIO_MMIO_SHM_LEN_LOW,
    VIRTIO_MMIO_STATUS, VIRTIO_MMIO_VENDOR_ID, VIRTIO_MMIO_VERSION,
};
use vm_memory::GuestMemoryMmap;
use vmm_sys_util::eventfd::EventFd;

use super::control::{Control, Half, Register};
use super::device::VirtioDevice;
use super::interrupt::{Cause, Interrupt};
use crate::failure::Failure;
use crate::machine::bus::{Action, Device};
use crate::machine::wires::{Bell, Line, Wires};

/// Bytes of the registers with the configuration.
pub(super) const LENGTH: u64 = 0x1000;

const MAGIC: u32 = u32::from_le_bytes(*b"virt");
const VERSION: u32 = 2;
const VENDOR: u32 = u32::from_le_bytes(*b"1reg");

/// A device behind this transport.
pub(super) struct VirtioMmio {
    control: Arc<Mutex<Control>>,
    kicks: Vec<EventFd>,
    interrupt: Arc<Causes>,
}

/// Why a device interrupts since the driver last said that it knows: its line is up while there is a cause.
struct Causes {
    causes: Mutex<u32>,
    line: Line,
}

impl Causes {
    fn lock(&self) -> MutexGuard<'_, u32> {
        self.causes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets causes that the driver knows.
    fn forget(&self, known: u32) {
        let mut causes = self.lock();
        *causes &= !known;
        if *causes == 0 {
            self.line.lower();
        }
    }
}

impl Interrupt for Causes {
    fn raise(&self, cause: Cause) {
        let cause = match cause {
            Cause::Queue(_) => VIRTIO_MMIO_INT_VRING,
            Cause::Config => VIRTIO_MMIO_INT_CONFIG,
        };
        let mut causes = self.lock();
        *causes |= cause;
        self.line.raise();
    }
}

impl VirtioMmio {
    /// Puts a device at an address and on a line.
    pub(super) fn new(
        name: String,
        device: Box<dyn VirtioDevice>,
        memory: Arc<GuestMemoryMmap>,
        wires: Arc<dyn Wires>,
        (address, line): (u64, u32),
    ) -> io::Result<VirtioMmio> {
        let line = Line::new(Arc::clone(&wires), line);
        let interrupt = Arc::new(Causes { causes: Mutex::new(0), line });
        let control = Control::new(name, device, memory, Arc::<Causes>::clone(&interrupt))?;
        let kicks = control.kicks()?;
        for (queue, kick) in (0..).zip(&kicks) {
            let notify = address + u64::from(VIRTIO_MMIO_QUEUE_NOTIFY);
            wires.connect(Bell { address: notify, value: Some(queue) }, kick);
        }
        Ok(VirtioMmio { control: Arc::new(Mutex::new(control)), kicks, interrupt })
    }

    /// Returns the device and its state.
    pub(super) fn control(&self) -> &Arc<Mutex<Control>> {
        &self.control
    }

    fn lock(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_register(&self, offset: u32) -> u32 {
        match offset {
            VIRTIO_MMIO_MAGIC_VALUE => MAGIC,
            VIRTIO_MMIO_VERSION => VERSION,
            VIRTIO_MMIO_DEVICE_ID => self.lock().kind().id.into(),
            VIRTIO_MMIO_VENDOR_ID => VENDOR,
            VIRTIO_MMIO_INTERRUPT_STATUS => *self.interrupt.lock(),
            // There is no shared memory: a region of no bytes is none.
            VIRTIO_MMIO_SHM_LEN_LOW
            | VIRTIO_MMIO_SHM_LEN_HIGH
            | VIRTIO_MMIO_SHM_BASE_LOW
            | VIRTIO_MMIO_SHM_BASE_HIGH => u32::MAX,
            VIRTIO_MMIO_DEVICE_FEATURES => self.lock().read(Register::DeviceFeature),
            VIRTIO_MMIO_QUEUE_NUM_MAX => self.lock().read(Register::QueueSizeMax),
            VIRTIO_MMIO_QUEUE_READY => self.lock().read(Register::QueueReady),
            VIRTIO_MMIO_STATUS => self.lock().read(Register::Status),
            VIRTIO_MMIO_CONFIG_GENERATION => self.lock().read(Register::ConfigGeneration),
            _ => 0,
        }
    }

    fn write_register(&self, offset: u32, value: u32) {
        match offset {
            VIRTIO_MMIO_QUEUE_NOTIFY => {
                if let Some(kick) = self.kicks.get(value as usize) {
                    // A counter that is full wakes, too.
                    let _ = kick.write(1);
                }
            }
            VIRTIO_MMIO_INTERRUPT_ACK => self.interrupt.forget(value),
            VIRTIO_MMIO_STATUS => {
                let mut control = self.lock();
                control.write(Register::Status, value);
                if value == 0 {
                    self.interrupt.forget(u32::MAX);
                }
            }
            _ => {
                if let Some(register) = writable(offset) {
                    self.lock().write(register, value);
                }
            }
        }
    }
}

/// Returns the register of the state machine that a driver writes at an offset.
fn writable(offset: u32) -> Option<Register> {
    Some(match offset {
        VIRTIO_MMIO_DEVICE_FEATURES_SEL => Register::DeviceFeatureSelect,
        VIRTIO_MMIO_DRIVER_FEATURES => Register::DriverFeature,
        VIRTIO_MMIO_DRIVER_FEATURES_SEL => Register::DriverFeatureSelect,
        VIRTIO_MMIO_QUEUE_SEL => Register::QueueSelect,
        VIRTIO_MMIO_QUEUE_NUM => Register::QueueSize,
        VIRTIO_MMIO_QUEUE_READY => Register::QueueReady,
        VIRTIO_MMIO_QUEUE_DESC_LOW => Register::Descriptors(Half::Low),
        VIRTIO_MMIO_QUEUE_DESC_HIGH => Register::Descriptors(Half::High),
        VIRTIO_MMIO_QUEUE_AVAIL_LOW => Register::Available(Half::Low),
        VIRTIO_MMIO_QUEUE_AVAIL_HIGH => Register::Available(Half::High),
        VIRTIO_MMIO_QUEUE_USED_LOW => Register::Used(Half::Low),
        VIRTIO_MMIO_QUEUE_USED_HIGH => Register::Used(Half::High),
        _ => return None,
    })
}

impl Device for VirtioMmio {
    fn read(&self, offset: u64, data: &mut [u8]) {
        match offset.checked_sub(VIRTIO_MMIO_CONFIG.into()) {
            Some(offset) => self.lock().read_config(offset, data),
            None => match data.len() {
                4 => data.copy_from_slice(&self.read_register(offset as u32).to_le_bytes()),
                _ => data.fill(0),
            },
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<Action, Failure> {
        match (offset.checked_sub(VIRTIO_MMIO_CONFIG.into()), data.try_into()) {
            (Some(offset), _) => self.lock().write_config(offset, data),
            (None, Ok(word)) => self.write_register(offset as u32, u32::from_le_bytes(word)),
            // Registers are words.
            (None, Err(_)) => {}
        }
        Ok(Action::Continue)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use vm_memory::GuestAddress;

    use super::super::rng::Rng;
    use super::*;
    use crate::machine::wires::Message;

    /// Keeps whether the line is up.
    #[derive(Default)]
    struct Level(AtomicBool);

    impl Wires for Level {
        fn takes_messages(&self) -> bool {
            false
        }

        fn raise(&self, _: u32) {
            self.0.store(true, Ordering::Relaxed);
        }

        fn lower(&self, _: u32) {
            self.0.store(false, Ordering::Relaxed);
        }

        fn send(&self, _: Message) {}
        fn connect(&self, _: Bell, _: &EventFd) {}
        fn disconnect(&self, _: Bell, _: &EventFd) {}
    }

    #[test]
    fn the_line_is_up_until_the_driver_knows_all_causes() {
        let memory = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 1 << 20)]).unwrap();
        let level = Arc::new(Level::default());
        let wires = Arc::<Level>::clone(&level);
        let place = (0, 0);
        let device =
            VirtioMmio::new("rng".to_owned(), Box::new(Rng), Arc::new(memory), wires, place);
        let device = device.unwrap();
        let find = || {
            let causes = device.read_register(VIRTIO_MMIO_INTERRUPT_STATUS);
            (level.0.load(Ordering::Relaxed), causes)
        };
        assert_eq!(find(), (false, 0));
        device.interrupt.raise(Cause::Queue(0));
        device.interrupt.raise(Cause::Config);
        assert_eq!(find(), (true, 3));
        device.write_register(VIRTIO_MMIO_INTERRUPT_ACK, 1);
        assert_eq!(find(), (true, 2));
        device.write_register(VIRTIO_MMIO_INTERRUPT_ACK, 2);
        assert_eq!(find(), (false, 0));
        device.interrupt.raise(Cause::Queue(0));
        device.write_register(VIRTIO_MMIO_STATUS, 0);
        assert_eq!(find(), (false, 0), "a reset takes the causes back");
    }
}
