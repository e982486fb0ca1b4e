//! The PCI host: one bus, whose functions are found in configuration space and answer where the guest puts them.

use std::sync::Arc;

use super::bus::{Action, Device, Devices, Slot};
use crate::failure::Failure;

/// Bytes of a function's configuration space.
const CONFIGURATION: u64 = 4096;

/// Functions of one device, and devices of the bus.
const FUNCTIONS: u64 = 8;
const DEVICES: usize = 32;

/// Where the host is in memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Space {
    /// Configuration space of bus 0.
    pub(super) configuration: Slot,
    /// What the functions' registers can be put into.
    pub(super) window: Slot,
}

/// A function: the first and only one of its device.
pub(super) trait Function: Send + Sync {
    /// Answers a read of its configuration space.
    fn read_configuration(&self, offset: u64, data: &mut [u8]);

    /// Takes a write to its configuration space.
    fn write_configuration(&self, offset: u64, data: &[u8]);

    /// Returns how far into its registers an address is, if it is there.
    fn find(&self, address: u64) -> Option<u64>;

    /// Answers a read of its registers.
    fn read(&self, offset: u64, data: &mut [u8]);

    /// Takes a write to its registers.
    fn write(&self, offset: u64, data: &[u8]);
}

/// The functions of the bus, by the number of their device.
#[derive(Clone)]
struct Functions(Arc<Vec<Arc<dyn Function>>>);

/// Attaches a host with those functions, which are devices 0, 1 and so on.
pub(super) fn attach(
    devices: &mut Devices,
    space: Space,
    functions: Vec<Arc<dyn Function>>,
) -> Result<(), Failure> {
    if DEVICES < functions.len() {
        return Err(Failure::new(format!(
            "cannot give the guest {} PCI devices: {DEVICES} are the most",
            functions.len()
        )));
    }
    let functions = Functions(Arc::new(functions));
    devices.attach(space.configuration, Arc::new(Configuration(functions.clone())));
    devices.attach(space.window, Arc::new(Window { start: space.window.address, functions }));
    Ok(())
}

/// Number that a device's interrupts have as messages: its first function on bus 0.
pub(super) fn requester(device: u32) -> u32 {
    device * FUNCTIONS as u32
}

/// Configuration space.
struct Configuration(Functions);

impl Configuration {
    fn find(&self, offset: u64) -> Option<(&dyn Function, u64)> {
        let (function, offset) = (offset / CONFIGURATION, offset % CONFIGURATION);
        let device = usize::try_from(function / FUNCTIONS).ok()?;
        let found = self.0.0.get(device).filter(|_| function % FUNCTIONS == 0)?;
        Some((found.as_ref(), offset))
    }
}

impl Device for Configuration {
    fn read(&self, offset: u64, data: &mut [u8]) {
        match self.find(offset) {
            Some((function, offset)) => function.read_configuration(offset, data),
            None => data.fill(0xff),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<Action, Failure> {
        if let Some((function, offset)) = self.find(offset) {
            function.write_configuration(offset, data);
        }
        Ok(Action::Continue)
    }
}

/// Memory that functions are in.
struct Window {
    start: u64,
    functions: Functions,
}

impl Window {
    fn find(&self, offset: u64) -> Option<(&dyn Function, u64)> {
        let address = self.start + offset;
        let mut functions = self.functions.0.iter();
        functions.find_map(|function| Some((function.as_ref(), function.find(address)?)))
    }
}

impl Device for Window {
    fn read(&self, offset: u64, data: &mut [u8]) {
        match self.find(offset) {
            Some((function, offset)) => function.read(offset, data),
            None => data.fill(0xff),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<Action, Failure> {
        if let Some((function, offset)) = self.find(offset) {
            function.write(offset, data);
        }
        Ok(Action::Continue)
    }
}
