//! The serial port: a 16550.

use std::convert::Infallible;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use vm_superio::Trigger;
use vm_superio::serial::{Error, NoEvents};

use super::bus::{Action, Device};
use super::console::Console;
use super::output::{Output, Said};
use super::wires::Line;
use crate::failure::Failure;

/// A serial port and what it is connected to. It stays when the machine starts over.
pub(super) struct Serial {
    port: Mutex<Port>,
    /// Notified when the guest has taken a byte.
    taken: Condvar,
    interrupt: Interrupt,
}

type Port = vm_superio::Serial<Interrupt, NoEvents, Output>;

impl Serial {
    /// Connects a serial port to a console.
    pub(super) fn new(console: Console) -> Serial {
        let interrupt = Interrupt::default();
        let output = Output::new(console.into_output());
        let port = Port::with_events(interrupt.clone(), NoEvents, output);
        Serial { port: Mutex::new(port), taken: Condvar::new(), interrupt }
    }

    /// Connects the port to an interrupt controller; before, its interrupts are lost.
    pub(super) fn connect(&self, line: Line) {
        *self.interrupt.lock() = Some(line);
    }

    /// Disconnects the port from its machine and sets the registers back.
    pub(super) fn reset(&self) -> Result<(), Failure> {
        const INTERRUPT_ENABLE: u64 = 1;
        const LINE_CONTROL: u64 = 3;
        const MODEM_CONTROL: u64 = 4;
        // The line control goes first: it decides what the others are.
        for (offset, value) in [(LINE_CONTROL, 3), (INTERRUPT_ENABLE, 0), (MODEM_CONTROL, 8)] {
            self.write(offset, &[value])?;
        }
        *self.interrupt.lock() = None;
        Ok(())
    }

    /// Gives the guest what is typed, and waits until it has room for all of it.
    pub(super) fn enter(&self, mut typed: &[u8]) {
        let mut port = self.lock();
        while !typed.is_empty() {
            // The guest takes the place of a full buffer, one in loop mode hears nothing.
            match port.enqueue_raw_bytes(typed) {
                Ok(count @ 1..) => typed = typed.get(count..).unwrap_or_default(),
                _ => port = self.taken.wait(port).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Returns what the guest has said on it.
    pub(super) fn said(&self) -> Said {
        self.lock().writer().said()
    }

    fn lock(&self) -> MutexGuard<'_, Port> {
        self.port.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Device for Serial {
    fn read(&self, offset: u64, data: &mut [u8]) {
        data.fill(0);
        if let Some(first) = data.first_mut() {
            *first = self.lock().read(offset as u8);
            self.taken.notify_one();
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<Action, Failure> {
        let Some(byte) = data.first() else { return Ok(Action::Continue) };
        let mut port = self.lock();
        match port.write(offset as u8, *byte) {
            // Loop mode may have ended.
            Ok(()) => self.taken.notify_one(),
            Err(Error::IOError(error)) => return Err(error.into()),
            Err(error) => return Err(Failure::new(format!("the serial port: {error}"))),
        }
        Ok(port.writer().end().map_or(Action::Continue, Action::Crash))
    }
}

/// The line to the interrupt controller of the present machine.
#[derive(Clone, Default)]
struct Interrupt(Arc<Mutex<Option<Line>>>);

impl Interrupt {
    fn lock(&self) -> MutexGuard<'_, Option<Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trigger for Interrupt {
    type E = Infallible;

    /// Raises and lowers the line: the port says when it begins to want something, and not when that ends.
    fn trigger(&self) -> Result<(), Infallible> {
        if let Some(line) = self.lock().as_ref() {
            line.raise();
            line.lower();
        }
        Ok(())
    }
}
