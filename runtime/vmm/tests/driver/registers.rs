//! Where virtio devices have their registers, behind PCI and not.

use super::Transport;

/// A register: offset and width behind PCI, and the offset of the word in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Register(u64, usize, u64);

impl Register {
    /// Returns its offset and width.
    pub(super) fn place(self, transport: Transport) -> (u64, usize) {
        match transport {
            Transport::Pci => (self.0, self.1),
            Transport::Mmio => (self.2, 4),
        }
    }
}

pub(super) const DEVICE_FEATURE_SELECT: Register = Register(0x00, 4, 0x14);
pub(super) const DEVICE_FEATURE: Register = Register(0x04, 4, 0x10);
pub(super) const DRIVER_FEATURE_SELECT: Register = Register(0x08, 4, 0x24);
pub(super) const DRIVER_FEATURE: Register = Register(0x0c, 4, 0x20);
pub(crate) const STATUS: Register = Register(0x14, 1, 0x70);
pub(super) const QUEUE_SELECT: Register = Register(0x16, 2, 0x30);
pub(super) const QUEUE_SIZE: Register = Register(0x18, 2, 0x38);
pub(super) const QUEUE_READY: Register = Register(0x1c, 2, 0x44);
pub(super) const DESCRIPTORS: Register = Register(0x20, 4, 0x80);
pub(super) const AVAILABLE: Register = Register(0x28, 4, 0x90);
pub(super) const USED: Register = Register(0x30, 4, 0xa0);
