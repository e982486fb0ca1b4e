//! Where a function has its registers, and which of them a driver reaches.

use super::super::control::{Half, Register};

/// A part of the registers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) offset: u64,
    pub(super) length: u64,
}

impl Part {
    /// Returns how far into this part an offset is.
    pub(super) fn find(self, offset: u64) -> Option<u64> {
        offset.checked_sub(self.offset).filter(|offset| *offset < self.length)
    }
}

/// Bytes of all registers.
pub(super) const LENGTH: u64 = 0x4000;

/// The registers that all devices have, causes of interrupts, the device's own configuration, a word for each queue to
/// write to, the table of messages, and those that wait.
pub(super) const COMMON: Part = Part { offset: 0, length: 0x38 };
pub(super) const CAUSES: Part = Part { offset: 0x800, length: 1 };
pub(super) const CONFIG: Part = Part { offset: 0x1000, length: 0x1000 };
pub(super) const NOTIFY: Part = Part { offset: 0x2000, length: 4 * MESSAGES as u64 };
pub(super) const TABLE: Part = Part { offset: 0x3000, length: 16 * MESSAGES as u64 };
pub(super) const PENDING: Part = Part { offset: 0x3800, length: 8 };

/// Most messages of a function.
pub(super) const MESSAGES: u16 = 64;

/// How far the words of the queues are apart.
pub(super) const NOTIFY_APART: u32 = 4;

/// A register that all devices have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Common {
    /// One of the state machine's.
    Of(Register),
    /// The message of the configuration.
    ConfigMessage,
    /// The message of the selected queue.
    QueueMessage,
    /// Which word is the selected queue's to write to.
    QueueNotify,
}

/// Finds the register that an access of `length` bytes reaches: of another length, it reaches none.
pub(super) fn common(offset: u64, length: usize) -> Option<Common> {
    let registers = [
        (0x00, 4, Common::Of(Register::DeviceFeatureSelect)),
        (0x04, 4, Common::Of(Register::DeviceFeature)),
        (0x08, 4, Common::Of(Register::DriverFeatureSelect)),
        (0x0c, 4, Common::Of(Register::DriverFeature)),
        (0x10, 2, Common::ConfigMessage),
        (0x12, 2, Common::Of(Register::QueueCount)),
        (0x14, 1, Common::Of(Register::Status)),
        (0x15, 1, Common::Of(Register::ConfigGeneration)),
        (0x16, 2, Common::Of(Register::QueueSelect)),
        (0x18, 2, Common::Of(Register::QueueSize)),
        (0x1a, 2, Common::QueueMessage),
        (0x1c, 2, Common::Of(Register::QueueReady)),
        (0x1e, 2, Common::QueueNotify),
        (0x20, 4, Common::Of(Register::Descriptors(Half::Low))),
        (0x24, 4, Common::Of(Register::Descriptors(Half::High))),
        (0x28, 4, Common::Of(Register::Available(Half::Low))),
        (0x2c, 4, Common::Of(Register::Available(Half::High))),
        (0x30, 4, Common::Of(Register::Used(Half::Low))),
        (0x34, 4, Common::Of(Register::Used(Half::High))),
    ];
    let found = registers.into_iter().find(|(at, width, _)| (*at, *width) == (offset, length));
    found.map(|(_, _, register)| register)
}
