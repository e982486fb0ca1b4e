//! The devices of the guest: a serial port.

use std::fmt;
use std::io;
use std::sync::{Mutex, PoisonError};

use super::arch::SERIAL;
use super::console::Console;

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

/// Where the data register of the serial port is.
pub(super) struct SerialPort {
    pub(super) bus: Bus,
    pub(super) address: u64,
}

/// All devices of a machine.
pub(super) struct Devices {
    console: Mutex<Console>,
}

impl Devices {
    pub(super) fn new(console: Console) -> Devices {
        Devices { console: Mutex::new(console) }
    }

    /// Takes what the guest writes; what no device has is lost, as on a real bus.
    pub(super) fn write(&self, bus: Bus, address: u64, data: &[u8]) -> io::Result<()> {
        if (bus, address) != (SERIAL.bus, SERIAL.address) {
            return Ok(());
        }
        let mut console = self.console.lock().unwrap_or_else(PoisonError::into_inner);
        console.write(data.get(..1).unwrap_or_default())
    }
}
