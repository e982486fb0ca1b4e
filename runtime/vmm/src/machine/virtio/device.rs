//! What a virtio device is, whatever transport it is behind.

use std::os::fd::RawFd;

use super::fault::GuestFault;
use super::queues::Queues;

/// What a device is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    /// Number of its kind, section 5 of the specification.
    pub(super) id: u16,
    /// Name of its kind: that of its thread, with a number behind.
    pub(super) name: &'static str,
    /// Class of its PCI function: base class, subclass, interface.
    pub(super) class: [u8; 3],
}

/// A virtio device. One call at a time reaches it, from the thread of a vCPU or from its own.
pub(super) trait VirtioDevice: Send {
    /// Says what it is.
    fn kind(&self) -> Kind;

    /// Returns the features of its kind that it offers: those of queues and transports are not its own.
    fn features(&self) -> u64;

    /// Returns the largest size of each queue: a power of two.
    fn queue_sizes(&self) -> &[u16];

    /// Answers a read of its configuration. Bytes behind the end are zeros.
    fn read_config(&self, offset: u64, data: &mut [u8]);

    /// Takes a write to its configuration.
    fn write_config(&mut self, _offset: u64, _data: &[u8]) {}

    /// Begins to work, with the features that the driver has taken.
    fn start(&mut self, _features: u64) {}

    /// Goes back to how it began: the driver may start it again.
    fn reset(&mut self) {}

    /// Returns what wakes it beside its queues, while it works: files that it holds open. It is woken once when there
    /// is something new, and has to remember what it left.
    fn sources(&self) -> Vec<RawFd> {
        Vec::new()
    }

    /// Serves a queue: the driver says that there is something new in it.
    ///
    /// # Errors
    ///
    /// Says what the driver did wrong; the device stops until it is reset.
    fn notified(&mut self, queue: usize, queues: &mut Queues) -> Result<(), GuestFault>;

    /// Serves a source, by its index.
    ///
    /// # Errors
    ///
    /// Says what the driver did wrong; the device stops until it is reset.
    fn woken(&mut self, _source: usize, _queues: &mut Queues) -> Result<(), GuestFault> {
        Ok(())
    }
}

/// Answers a read at `offset` of a configuration: bytes behind its end are zeros.
pub(super) fn copy_config(config: &[u8], offset: u64, data: &mut [u8]) {
    data.fill(0);
    let rest = usize::try_from(offset).ok().and_then(|offset| config.get(offset..));
    for (to, from) in data.iter_mut().zip(rest.unwrap_or_default()) {
        *to = *from;
    }
}
