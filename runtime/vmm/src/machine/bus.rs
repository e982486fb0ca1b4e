//! The buses of a machine: which device an access reaches.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::arch::SERIAL;
use super::metrics::Accesses;
use super::output::{self, Said};
use super::serial::Serial;
use crate::failure::Failure;

/// A space of addresses that devices live in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bus {
    /// x86's I/O ports.
    Port,
    /// Physical memory.
    Memory,
}

impl fmt::Display for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Bus::Port => "port",
            Bus::Memory => "address",
        })
    }
}

/// The addresses of a device.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub(super) bus: Bus,
    pub(super) address: u64,
    pub(super) length: u64,
}

/// A device, which every vCPU may reach at any time.
pub(super) trait Device: Send + Sync {
    /// Answers a read at `offset` into the device.
    fn read(&self, offset: u64, data: &mut [u8]);

    /// Takes a write at `offset` into the device, and says what becomes of the machine.
    ///
    /// # Errors
    ///
    /// Says why the machine cannot go on. What a guest does wrong is no error.
    fn write(&self, offset: u64, data: &[u8]) -> Result<Action, Failure>;
}

/// What a write to a device does to the machine.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Nothing.
    Continue,
    /// It switches the machine off.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "firmware calls do it"))]
    PowerOff,
    /// It starts the machine over.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "firmware calls do it"))]
    Reset,
    /// It tells that the guest cannot go on, and why.
    Crash(String),
}

/// All devices of a machine.
pub(super) struct Devices {
    ports: Slots,
    memory: Slots,
    /// What the guest says on its consoles.
    said: Vec<Said>,
}

/// Devices of one bus by their first address.
type Slots = BTreeMap<u64, Attached>;

/// A device at its place.
struct Attached {
    length: u64,
    device: Arc<dyn Device>,
    accesses: Accesses,
}

impl Devices {
    /// Makes a machine with a serial port.
    pub(super) fn new(serial: Arc<Serial>) -> Devices {
        let mut devices =
            Devices { ports: BTreeMap::new(), memory: BTreeMap::new(), said: vec![serial.said()] };
        devices.attach(SERIAL, serial);
        devices
    }

    /// Gives a device its addresses, which no other one has.
    pub(super) fn attach(&mut self, slot: Slot, device: Arc<dyn Device>) {
        let slots = match slot.bus {
            Bus::Port => &mut self.ports,
            Bus::Memory => &mut self.memory,
        };
        let attached = Attached { length: slot.length, device, accesses: Accesses::default() };
        slots.insert(slot.address, attached);
    }

    /// Listens to one more console.
    pub(super) fn listen(&mut self, said: Said) {
        self.said.push(said);
    }

    /// Returns why the guest's kernel gave up, if it said so.
    pub(super) fn last_words(&self) -> Option<String> {
        self.said.iter().find_map(output::last_words)
    }

    /// Answers what the guest reads; where no device is, all bits are ones.
    pub(super) fn read(&self, bus: Bus, address: u64, data: &mut [u8]) {
        match self.find(bus, address) {
            Some((attached, offset)) => {
                attached.accesses.read(data);
                attached.device.read(offset, data);
            }
            None => {
                log::debug!(address:% = format_args!("{address:#x}"); "read from {bus} without a device");
                data.fill(0xff);
            }
        }
    }

    /// Takes what the guest writes; what no device has is lost, as on a real bus.
    pub(super) fn write(&self, bus: Bus, address: u64, data: &[u8]) -> Result<Action, Failure> {
        match self.find(bus, address) {
            Some((attached, offset)) => {
                attached.accesses.write(data);
                attached.device.write(offset, data)
            }
            None => {
                log::debug!(address:% = format_args!("{address:#x}"); "write to {bus} without a device");
                Ok(Action::Continue)
            }
        }
    }

    /// Says how often each device was accessed.
    pub(super) fn accesses(&self) -> Vec<Value> {
        let buses = [(Bus::Port, &self.ports), (Bus::Memory, &self.memory)];
        let slots = buses.iter().flat_map(|(bus, slots)| slots.iter().map(move |slot| (bus, slot)));
        let json = |(bus, (address, attached)): (&Bus, (&u64, &Attached))| {
            let mut json = attached.accesses.json();
            json["at"] = format!("{bus} {address:#x}").into();
            json
        };
        slots.map(json).collect()
    }

    /// Finds the device at an address, and how far into it that is.
    fn find(&self, bus: Bus, address: u64) -> Option<(&Attached, u64)> {
        let slots = match bus {
            Bus::Port => &self.ports,
            Bus::Memory => &self.memory,
        };
        let (start, attached) = slots.range(..=address).next_back()?;
        let offset = address - start;
        (offset < attached.length).then_some((attached, offset))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Mutex;

    use super::*;
    use crate::machine::console::Console;

    /// Remembers where it was written to, and reads as that.
    #[derive(Default)]
    struct Probe(Mutex<Vec<u64>>);

    impl Device for Probe {
        fn read(&self, offset: u64, data: &mut [u8]) {
            data.fill(offset as u8);
        }

        fn write(&self, offset: u64, _: &[u8]) -> Result<Action, Failure> {
            self.0.lock().unwrap().push(offset);
            Ok(Action::Continue)
        }
    }

    #[test]
    fn an_access_reaches_the_device_whose_addresses_it_hits_and_no_other() {
        let serial = Serial::new(Console::open(Path::new("none")).unwrap());
        let mut devices = Devices::new(Arc::new(serial));
        let (low, high) = (Arc::new(Probe::default()), Arc::new(Probe::default()));
        let slot = |address, length| Slot { bus: Bus::Memory, address, length };
        devices.attach(slot(0x7000_0000, 4), Arc::<Probe>::clone(&low));
        devices.attach(slot(0x7000_0004, 8), Arc::<Probe>::clone(&high));
        for address in [0x6fff_ffff, 0x7000_0000, 0x7000_0003, 0x7000_0004, 0x7000_000c] {
            devices.write(Bus::Memory, address, &[0]).unwrap();
            devices.write(Bus::Port, address, &[0]).unwrap();
        }
        assert_eq!(*low.0.lock().unwrap(), [0, 3]);
        assert_eq!(*high.0.lock().unwrap(), [0]);
        let mut data = [0; 2];
        devices.read(Bus::Memory, 0x7000_0009, &mut data);
        assert_eq!(data, [5, 5]);
        devices.read(Bus::Memory, 0x7000_000c, &mut data);
        assert_eq!(data, [0xff, 0xff]);
    }
}
