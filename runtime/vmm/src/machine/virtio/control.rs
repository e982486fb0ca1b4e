//! The state machine of a device: how a driver finds it, sets its queues up, starts and resets it. Both transports put
//! their registers before it.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use virtio_bindings::virtio_config::{
    VIRTIO_CONFIG_S_ACKNOWLEDGE, VIRTIO_CONFIG_S_DRIVER, VIRTIO_CONFIG_S_DRIVER_OK,
    VIRTIO_CONFIG_S_FAILED, VIRTIO_CONFIG_S_FEATURES_OK, VIRTIO_CONFIG_S_NEEDS_RESET,
    VIRTIO_F_VERSION_1,
};
use virtio_bindings::virtio_ring::{VIRTIO_RING_F_EVENT_IDX, VIRTIO_RING_F_INDIRECT_DESC};
use virtio_queue::{Queue, QueueT};
use vm_memory::GuestMemoryMmap;
use vmm_sys_util::epoll::{ControlOperation, Epoll, EpollEvent, EventSet};
use vmm_sys_util::eventfd::{EFD_CLOEXEC, EFD_NONBLOCK, EventFd};

use super::device::{Kind, VirtioDevice};
use super::fault::GuestFault;
use super::interrupt::{Cause, Interrupt};
use super::queues::Queues;

const ACKNOWLEDGE: u8 = VIRTIO_CONFIG_S_ACKNOWLEDGE as u8;
const DRIVER: u8 = VIRTIO_CONFIG_S_DRIVER as u8;
const DRIVER_OK: u8 = VIRTIO_CONFIG_S_DRIVER_OK as u8;
const FEATURES_OK: u8 = VIRTIO_CONFIG_S_FEATURES_OK as u8;
const NEEDS_RESET: u8 = VIRTIO_CONFIG_S_NEEDS_RESET as u8;
const FAILED: u8 = VIRTIO_CONFIG_S_FAILED as u8;

const VERSION_1: u64 = 1 << VIRTIO_F_VERSION_1;
const EVENT_IDX: u64 = 1 << VIRTIO_RING_F_EVENT_IDX;
const INDIRECT_DESC: u64 = 1 << VIRTIO_RING_F_INDIRECT_DESC;

/// What the queues do for every device.
const QUEUE_FEATURES: u64 = VERSION_1 | EVENT_IDX | INDIRECT_DESC;

/// First number of the sources among what wakes the device; those before are queues.
const SOURCES: u64 = 1 << 32;

/// A register that both transports have. Addresses have a low and a high half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Register {
    DeviceFeatureSelect,
    DeviceFeature,
    DriverFeatureSelect,
    DriverFeature,
    Status,
    ConfigGeneration,
    QueueCount,
    QueueSelect,
    QueueSizeMax,
    QueueSize,
    QueueReady,
    Descriptors(Half),
    Available(Half),
    Used(Half),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    Low,
    High,
}

impl Half {
    /// Puts a value into this half: the low and the high one, of which the other stays.
    fn split(self, value: u32) -> (Option<u32>, Option<u32>) {
        match self {
            Half::Low => (Some(value), None),
            Half::High => (None, Some(value)),
        }
    }

    fn of(self, value: u64) -> u32 {
        match self {
            Half::Low => value as u32,
            Half::High => (value >> 32) as u32,
        }
    }
}

/// A device and where its driver is with it.
pub(super) struct Control {
    name: String,
    device: Box<dyn VirtioDevice>,
    queues: Queues,
    interrupt: Arc<dyn Interrupt>,
    /// What wakes the device: its queues always, its sources while it works.
    epoll: Arc<Epoll>,
    status: u8,
    device_feature_select: u32,
    driver_feature_select: u32,
    driver_features: u64,
    queue_select: u32,
    config_generation: u8,
    has_complained: bool,
}

impl Control {
    /// Puts a device behind its state machine. The name is for whom reads of its mistakes.
    pub(super) fn new(
        name: String,
        device: Box<dyn VirtioDevice>,
        memory: Arc<GuestMemoryMmap>,
        interrupt: Arc<dyn Interrupt>,
    ) -> io::Result<Control> {
        let epoll = Epoll::new()?;
        let mut rings = Vec::new();
        let mut kicks = Vec::new();
        for (index, size) in (0..).zip(device.queue_sizes()) {
            rings.push(Queue::new(*size).map_err(io::Error::other)?);
            let kick = EventFd::new(EFD_NONBLOCK | EFD_CLOEXEC)?;
            let event = EpollEvent::new(EventSet::IN, index);
            epoll.ctl(ControlOperation::Add, kick.as_raw_fd(), event)?;
            kicks.push(kick);
        }
        Ok(Control {
            name,
            queues: Queues::new(memory, rings, kicks, Arc::clone(&interrupt)),
            interrupt,
            device,
            epoll: Arc::new(epoll),
            status: 0,
            device_feature_select: 0,
            driver_feature_select: 0,
            driver_features: 0,
            queue_select: 0,
            config_generation: 0,
            has_complained: false,
        })
    }

    /// Returns the name of this device.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Says what the device is.
    pub(super) fn kind(&self) -> Kind {
        self.device.kind()
    }

    /// Returns what is signalled to serve each queue, for those who signal it.
    pub(super) fn kicks(&self) -> io::Result<Vec<EventFd>> {
        self.queues.kicks.iter().map(EventFd::try_clone).collect()
    }

    /// Returns what to wait at for [`Control::wake`].
    pub(super) fn epoll(&self) -> &Arc<Epoll> {
        &self.epoll
    }

    /// Reads a register.
    pub(super) fn read(&self, register: Register) -> u32 {
        let of_ring = |value: &dyn Fn(&Queue) -> u32| self.ring().map_or(0, value);
        match register {
            Register::DeviceFeatureSelect => self.device_feature_select,
            Register::DeviceFeature => word(self.offered(), self.device_feature_select),
            Register::DriverFeatureSelect => self.driver_feature_select,
            Register::DriverFeature => word(self.driver_features, self.driver_feature_select),
            Register::Status => self.status.into(),
            Register::ConfigGeneration => self.config_generation.into(),
            Register::QueueCount => self.queues.rings.len() as u32,
            Register::QueueSelect => self.queue_select,
            Register::QueueSizeMax => of_ring(&|ring| ring.max_size().into()),
            Register::QueueSize => of_ring(&|ring| ring.size().into()),
            Register::QueueReady => of_ring(&|ring| ring.ready().into()),
            Register::Descriptors(half) => of_ring(&|ring| half.of(ring.desc_table())),
            Register::Available(half) => of_ring(&|ring| half.of(ring.avail_ring())),
            Register::Used(half) => of_ring(&|ring| half.of(ring.used_ring())),
        }
    }

    /// Writes a register. What it does not take at this time changes nothing.
    pub(super) fn write(&mut self, register: Register, value: u32) {
        match register {
            Register::DeviceFeatureSelect => self.device_feature_select = value,
            Register::DriverFeatureSelect => self.driver_feature_select = value,
            Register::DriverFeature => self.set_driver_features(value),
            Register::Status => self.set_status(value as u8),
            Register::QueueSelect => self.queue_select = value,
            Register::QueueReady => self.set_ready(value == 1),
            _ => self.set_up(register, value),
        }
    }

    /// Reads the device's configuration.
    pub(super) fn read_config(&self, offset: u64, data: &mut [u8]) {
        self.device.read_config(offset, data);
    }

    /// Writes the device's configuration.
    pub(super) fn write_config(&mut self, offset: u64, data: &[u8]) {
        if self.status & (DRIVER | NEEDS_RESET) == DRIVER {
            self.device.write_config(offset, data);
        }
    }

    /// Has the device look at what woke it: the data of an event of its epoll.
    pub(super) fn wake(&mut self, token: u64) {
        let index = (token % SOURCES) as usize;
        if token < SOURCES {
            // What was signalled is served below; there is nothing else to know of it.
            let _ = self.queues.kicks.get(index).map(EventFd::read);
        }
        if !self.is_working() {
            return;
        }
        let served = match token < SOURCES {
            true => self.device.notified(index, &mut self.queues),
            false => self.device.woken(index, &mut self.queues),
        };
        if let Err(fault) = served {
            self.stop_for(&fault);
        } else if self.queues.take_config_change() {
            self.config_generation = self.config_generation.wrapping_add(1);
            self.interrupt.raise(Cause::Config);
        }
    }

    fn is_working(&self) -> bool {
        self.status & (DRIVER_OK | NEEDS_RESET | FAILED) == DRIVER_OK
    }

    /// Stops until the driver resets the device, and says why, once and for all.
    fn stop_for(&mut self, fault: &GuestFault) {
        self.status |= NEEDS_RESET;
        self.interrupt.raise(Cause::Config);
        if !self.has_complained {
            self.has_complained = true;
            log::warn!("{}: {fault}: it stops until it is reset", self.name);
        }
    }

    fn offered(&self) -> u64 {
        self.device.features() | QUEUE_FEATURES
    }

    fn set_driver_features(&mut self, value: u32) {
        if self.status & (DRIVER | FEATURES_OK) != DRIVER {
            return;
        }
        let shift = match self.driver_feature_select {
            0 => 0,
            1 => 32,
            _ => return,
        };
        let others = self.driver_features & !(u64::from(u32::MAX) << shift);
        self.driver_features = others | u64::from(value) << shift;
    }

    /// Takes the next steps of a start, any step to failure, and zero, the reset.
    fn set_status(&mut self, value: u8) {
        /// Every status on the way, one step after the other.
        const WAY: [u8; 5] = [
            0,
            ACKNOWLEDGE,
            ACKNOWLEDGE | DRIVER,
            ACKNOWLEDGE | DRIVER | FEATURES_OK,
            ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK,
        ];
        if value == 0 {
            return self.reset();
        }
        if self.status & (NEEDS_RESET | FAILED) != 0 {
            return;
        }
        if value & FAILED != 0 {
            self.status |= FAILED;
            return;
        }
        if !WAY.contains(&value) {
            return;
        }
        for step in WAY {
            if self.status < step && step <= value && !self.step_to(step) {
                return;
            }
        }
    }

    /// Goes one step of a start; says whether it could.
    fn step_to(&mut self, status: u8) -> bool {
        let is_taken = match status ^ self.status {
            FEATURES_OK => {
                self.driver_features & !self.offered() == 0 && self.driver_features & VERSION_1 != 0
            }
            _ => true,
        };
        if is_taken {
            self.status = status;
        }
        if self.is_working() {
            self.start();
        }
        is_taken
    }

    fn start(&mut self) {
        for ring in &mut self.queues.rings {
            ring.set_event_idx(self.driver_features & EVENT_IDX != 0);
        }
        self.device.start(self.driver_features);
        self.watch_sources(true);
        // What the driver put into the queues before counts, too.
        for index in 0..self.queues.rings.len() {
            self.queues.kick(index);
        }
    }

    fn reset(&mut self) {
        if self.status & DRIVER_OK != 0 {
            self.watch_sources(false);
        }
        self.device.reset();
        self.queues.rings.iter_mut().for_each(QueueT::reset);
        self.queues.take_config_change();
        self.status = 0;
        self.device_feature_select = 0;
        self.driver_feature_select = 0;
        self.driver_features = 0;
        self.queue_select = 0;
    }

    fn watch_sources(&self, watch: bool) {
        for (token, source) in (SOURCES..).zip(self.device.sources()) {
            let operation = if watch { ControlOperation::Add } else { ControlOperation::Delete };
            let event = EpollEvent::new(EventSet::IN | EventSet::EDGE_TRIGGERED, token);
            if let Err(error) = self.epoll.ctl(operation, source, event) {
                log::warn!("{}: cannot wait for its host: {error}", self.name);
            }
        }
    }

    /// Returns the queue that is selected, if there is one.
    fn ring(&self) -> Option<&Queue> {
        self.queues.rings.get(self.queue_select as usize)
    }

    /// Says whether queues can be set up now.
    fn can_set_up(&self) -> bool {
        self.status & (FEATURES_OK | DRIVER_OK | FAILED) == FEATURES_OK
    }

    /// Sets the selected queue up. A driver that gives what cannot be finds the old value.
    fn set_up(&mut self, register: Register, value: u32) {
        let can = self.can_set_up();
        let ring = self.queues.rings.get_mut(self.queue_select as usize);
        let Some(ring) = ring.filter(|ring| can && !ring.ready()) else { return };
        match register {
            Register::QueueSize => {
                if let Ok(size) = u16::try_from(value) {
                    ring.set_size(size);
                }
            }
            Register::Descriptors(half) => {
                let (low, high) = half.split(value);
                ring.set_desc_table_address(low, high);
            }
            Register::Available(half) => {
                let (low, high) = half.split(value);
                ring.set_avail_ring_address(low, high);
            }
            Register::Used(half) => {
                let (low, high) = half.split(value);
                ring.set_used_ring_address(low, high);
            }
            _ => {}
        }
    }

    /// Makes the selected queue ready if all of it lies in memory, or takes it back.
    fn set_ready(&mut self, ready: bool) {
        if !self.can_set_up() {
            return;
        }
        let memory = Arc::clone(self.queues.memory());
        let ring = self.queues.rings.get_mut(self.queue_select as usize);
        let Some(ring) = ring else { return };
        ring.set_ready(ready);
        if ready && !ring.is_valid(memory.as_ref()) {
            ring.set_ready(false);
        }
    }
}

/// Returns 32 of 64 features: the low, then the high ones.
fn word(features: u64, select: u32) -> u32 {
    match select {
        0 => features as u32,
        1 => (features >> 32) as u32,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Driver;
    use super::*;

    /// Changes its configuration whenever it is told of its queue, and keeps what was done to it.
    #[derive(Default)]
    struct Restless {
        config: [u8; 4],
        features: u64,
    }

    impl VirtioDevice for Restless {
        fn kind(&self) -> Kind {
            Kind { id: 0x3f, name: "restless", class: [0xff, 0, 0] }
        }

        fn features(&self) -> u64 {
            0b101
        }

        fn queue_sizes(&self) -> &[u16] {
            &[4, 8]
        }

        fn read_config(&self, offset: u64, data: &mut [u8]) {
            let features = self.features.to_le_bytes();
            super::super::device::copy_config(
                &[&self.config[..], &features].concat(),
                offset,
                data,
            );
        }

        fn write_config(&mut self, _: u64, data: &[u8]) {
            self.config.copy_from_slice(data);
        }

        fn start(&mut self, features: u64) {
            self.features = features;
        }

        fn reset(&mut self) {
            *self = Restless::default();
        }

        fn notified(&mut self, queue: usize, queues: &mut Queues) -> Result<(), GuestFault> {
            if queue == 1 {
                queues.change_config();
            }
            Ok(())
        }
    }

    #[test]
    fn a_changed_configuration_has_another_generation() {
        let mut driver = Driver::start(Restless::default());
        driver.interrupts();
        let before = driver.control.read(Register::ConfigGeneration);
        driver.kick(1);
        assert_eq!(driver.control.read(Register::ConfigGeneration), before + 1);
        assert_eq!(driver.interrupts(), [Cause::Config]);
        driver.kick(0);
        assert_eq!(driver.control.read(Register::ConfigGeneration), before + 1);
        assert!(driver.interrupts().is_empty());
    }

    #[test]
    fn the_device_gets_the_features_that_were_taken_and_forgets_them() {
        let mut driver = Driver::start_with(Restless::default(), VERSION_1 | 0b100);
        assert_eq!(driver.config::<8>(4), (VERSION_1 | 0b100).to_le_bytes());
        driver.control.write_config(0, b"next");
        assert_eq!(driver.config::<4>(0), *b"next");
        driver.control.write(Register::Status, 0);
        driver.control.write_config(0, b"none");
        assert_eq!(driver.config::<12>(0), [0; 12]);
    }
}
