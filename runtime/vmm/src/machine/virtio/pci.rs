//! The PCI transport, as since version 1: a function whose capabilities say where its registers are.

mod configuration;
mod messages;
mod registers;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vm_memory::GuestMemoryMmap;
use vmm_sys_util::eventfd::EventFd;

use self::configuration::{ACCESS_DATA, Configuration};
use self::messages::Messages;
pub(super) use self::messages::Way;
use self::registers::Common;
use super::control::{Control, Register};
use super::device::VirtioDevice;
use crate::machine::pci::Function;
use crate::machine::wires::{Bell, Wires};

/// A device behind this transport.
pub(super) struct VirtioPci {
    control: Arc<Mutex<Control>>,
    kicks: Vec<EventFd>,
    messages: Arc<Messages>,
    wires: Arc<dyn Wires>,
    place: Mutex<Place>,
}

/// The configuration space, and where the registers have come to be by it.
struct Place {
    configuration: Configuration,
    base: Option<u64>,
}

impl VirtioPci {
    /// Puts a device on the bus, where it interrupts in that way.
    pub(super) fn new(
        name: String,
        device: Box<dyn VirtioDevice>,
        memory: Arc<GuestMemoryMmap>,
        wires: Arc<dyn Wires>,
        way: Way,
    ) -> io::Result<VirtioPci> {
        let (kind, queues) = (device.kind(), device.queue_sizes().len());
        if usize::from(registers::MESSAGES) <= queues {
            return Err(io::Error::other("it has too many queues"));
        }
        let messages = Arc::new(Messages::new(queues, way, Arc::clone(&wires)));
        let control = Control::new(name, device, memory, Arc::<Messages>::clone(&messages))?;
        let kicks = control.kicks()?;
        let configuration = Configuration::new(kind, messages.count());
        let place = Place { configuration, base: None };
        Ok(VirtioPci {
            control: Arc::new(Mutex::new(control)),
            kicks,
            messages,
            wires,
            place: Mutex::new(place),
        })
    }

    /// Returns the device and its state.
    pub(super) fn control(&self) -> &Arc<Mutex<Control>> {
        &self.control
    }

    fn lock(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows the configuration space: moves what the queues are notified by, and switches messages and the line.
    fn follow(&self, place: &mut Place) {
        let (is_on, all_wait) = place.configuration.messages();
        self.messages.switch(is_on, all_wait);
        self.messages.switch_line(place.configuration.is_line_off());
        let base = place.configuration.base();
        if base == place.base {
            return;
        }
        for (bell, kick) in self.bells(place.base) {
            self.wires.disconnect(bell, kick);
        }
        place.base = base;
        for (bell, kick) in self.bells(place.base) {
            self.wires.connect(bell, kick);
        }
    }

    /// Lists what the queues are notified by when the registers are at `base`.
    fn bells(&self, base: Option<u64>) -> impl Iterator<Item = (Bell, &EventFd)> {
        let first = base.map(|base| base + registers::NOTIFY.offset);
        let apart = u64::from(registers::NOTIFY_APART);
        first.into_iter().flat_map(move |first| {
            (0..).zip(&self.kicks).map(move |(queue, kick)| {
                (Bell { address: first + apart * queue, value: None }, kick)
            })
        })
    }

    fn read_common(&self, register: Common) -> u32 {
        let control = self.lock();
        let queue = control.read(Register::QueueSelect);
        match register {
            Common::Of(register) => control.read(register),
            Common::ConfigMessage => self.messages.of_config().into(),
            Common::QueueMessage => self.messages.of_queue(queue).into(),
            Common::QueueNotify => queue,
        }
    }

    fn write_common(&self, register: Common, value: u32) {
        let mut control = self.lock();
        match register {
            Common::Of(register) => {
                control.write(register, value);
                if (register, value) == (Register::Status, 0) {
                    self.messages.reset();
                }
            }
            Common::ConfigMessage => self.messages.set_of_config(value as u16),
            Common::QueueMessage => {
                self.messages.set_of_queue(control.read(Register::QueueSelect), value as u16);
            }
            Common::QueueNotify => {}
        }
    }
}

impl Function for VirtioPci {
    fn read_configuration(&self, offset: u64, data: &mut [u8]) {
        let mut place = self.place();
        place.configuration.show_line(self.messages.wants_line());
        place.configuration.read(offset as usize, data);
        if let (ACCESS_DATA, Some((register, length))) =
            (offset as usize, place.configuration.access())
        {
            drop(place);
            if let Some(data) = data.get_mut(..length) {
                self.read(register, data);
            }
        }
    }

    fn write_configuration(&self, offset: u64, data: &[u8]) {
        let mut place = self.place();
        place.configuration.write(offset as usize, data);
        self.follow(&mut place);
        if let (ACCESS_DATA, Some((register, length))) =
            (offset as usize, place.configuration.access())
        {
            drop(place);
            if let Some(data) = data.get(..length) {
                self.write(register, data);
            }
        }
    }

    fn find(&self, address: u64) -> Option<u64> {
        let offset = address.checked_sub(self.place().base?)?;
        (offset < registers::LENGTH).then_some(offset)
    }

    fn read(&self, offset: u64, data: &mut [u8]) {
        data.fill(0);
        if let Some(offset) = registers::COMMON.find(offset) {
            // An address is two registers.
            let (half, count) = if data.len() == 8 { (4, 2) } else { (data.len(), 1) };
            let parts = (0..count).zip(data.chunks_mut(half.max(1)));
            for (index, data) in parts {
                if let Some(register) = registers::common(offset + 4 * index, data.len()) {
                    let value = self.read_common(register).to_le_bytes();
                    data.iter_mut().zip(value).for_each(|(to, from)| *to = from);
                }
            }
        } else if registers::CAUSES.find(offset).is_some() {
            if let Some(first) = data.first_mut() {
                *first = self.messages.take_causes();
            }
        } else if let Some(offset) = registers::CONFIG.find(offset) {
            self.lock().read_config(offset, data);
        } else if let Some(offset) = registers::TABLE.find(offset) {
            self.messages.read_table(offset, data);
        } else if let Some(offset) = registers::PENDING.find(offset) {
            self.messages.read_pending(offset, data);
        }
    }

    fn write(&self, offset: u64, data: &[u8]) {
        if let Some(offset) = registers::COMMON.find(offset) {
            let half = if data.len() == 8 { 4 } else { data.len().max(1) };
            for (index, data) in (0..).zip(data.chunks(half)) {
                if let Some(register) = registers::common(offset + 4 * index, data.len()) {
                    let mut value = [0; 4];
                    value.iter_mut().zip(data).for_each(|(to, from)| *to = *from);
                    self.write_common(register, u32::from_le_bytes(value));
                }
            }
        } else if let Some(offset) = registers::CONFIG.find(offset) {
            self.lock().write_config(offset, data);
        } else if let Some(offset) = registers::NOTIFY.find(offset) {
            let queue = offset / u64::from(registers::NOTIFY_APART);
            if let Some(kick) = self.kicks.get(queue as usize) {
                // A counter that is full wakes, too.
                let _ = kick.write(1);
            }
        } else if let Some(offset) = registers::TABLE.find(offset) {
            self.messages.write_table(offset, data);
        }
    }
}
