//! The configuration space of a virtio function: what it is, where its registers are, and its capabilities.

use super::super::device::Kind;
use super::registers::{self, Part};

/// Bytes that are not zero.
const LENGTH: usize = 256;

/// Offsets of the header.
const VENDOR: usize = 0x00;
const DEVICE: usize = 0x02;
const COMMAND: usize = 0x04;
const STATUS: usize = 0x06;
const REVISION: usize = 0x08;
const CLASS: usize = 0x09;
const BASE: usize = 0x10;
const SUBSYSTEM_VENDOR: usize = 0x2c;
const SUBSYSTEM: usize = 0x2e;
const FIRST_CAPABILITY: usize = 0x34;
const LINE: usize = 0x3c;
const PIN: usize = 0x3d;

/// Command: the function answers in memory, it may write to memory, it has no line.
const ANSWERS: u8 = 1 << 1;
const WRITES: u8 = 1 << 2;
const NO_LINE: u8 = 1 << 2;

/// Status: the function wants its line to be up, there are capabilities.
const WANTS_LINE: u8 = 1 << 3;
const HAS_CAPABILITIES: u8 = 1 << 4;

/// The first of the pins that a line can be connected to.
const PIN_A: u8 = 1;

/// Virtio's vendor; devices of version 1 have their kind behind this number.
const VIRTIO: u16 = 0x1af4;
const FIRST_DEVICE: u16 = 0x1040;

/// Kinds of capabilities.
const VENDOR_SPECIFIC: u8 = 0x09;
const MSIX: u8 = 0x11;

/// Kinds of virtio's capabilities.
const COMMON: u8 = 1;
const NOTIFY: u8 = 2;
const CAUSES: u8 = 3;
const CONFIG: u8 = 4;
const ACCESS: u8 = 5;

/// Offset of the message capability, and of the words in it that a driver sets.
const MSIX_AT: usize = 0x40;
const MSIX_CONTROL: usize = MSIX_AT + 2;
const MSIX_ENABLED: u16 = 1 << 15;
const MSIX_MASKED: u16 = 1 << 14;

/// Offset of virtio's capabilities, and how far they are apart.
const CAPABILITIES: usize = 0x50;
const APART: usize = 0x14;

/// Offset of the capability that reaches the registers through this space: region, offset, length and data.
const ACCESS_AT: usize = CAPABILITIES + 4 * APART;
const ACCESS_REGION: usize = ACCESS_AT + 4;
const ACCESS_OFFSET: usize = ACCESS_AT + 8;
const ACCESS_LENGTH: usize = ACCESS_AT + 12;
pub(super) const ACCESS_DATA: usize = ACCESS_AT + 16;

/// The bytes, and which of their bits a driver may write.
pub(super) struct Configuration {
    bytes: [u8; LENGTH],
    writable: [u8; LENGTH],
}

impl Configuration {
    /// Describes a device of that kind with so many messages: one without any has a line.
    pub(super) fn new(kind: Kind, messages: u16) -> Configuration {
        let mut space = Configuration { bytes: [0; LENGTH], writable: [0; LENGTH] };
        let [base_class, subclass, interface] = kind.class;
        space.put(VENDOR, &VIRTIO.to_le_bytes());
        space.put(DEVICE, &(FIRST_DEVICE + kind.id).to_le_bytes());
        space.put(STATUS, &[HAS_CAPABILITIES]);
        space.put(REVISION, &[1]);
        space.put(CLASS, &[interface, subclass, base_class]);
        space.put(SUBSYSTEM_VENDOR, &VIRTIO.to_le_bytes());
        space.put(SUBSYSTEM, &(FIRST_DEVICE + kind.id).to_le_bytes());
        space.allow(COMMAND, &[ANSWERS | WRITES, NO_LINE]);
        space.allow(BASE, &(!(registers::LENGTH as u32 - 1)).to_le_bytes());
        space.allow(LINE, &[0xff]);
        if 0 < messages {
            space.put(FIRST_CAPABILITY, &[MSIX_AT as u8]);
            space.put_messages(messages);
        } else {
            space.put(FIRST_CAPABILITY, &[CAPABILITIES as u8]);
            space.put(PIN, &[PIN_A]);
        }
        space.put_capabilities();
        space
    }

    fn put_messages(&mut self, messages: u16) {
        self.put(MSIX_AT, &[MSIX, CAPABILITIES as u8]);
        self.put(MSIX_CONTROL, &(messages - 1).to_le_bytes());
        self.allow(MSIX_CONTROL, &(MSIX_ENABLED | MSIX_MASKED).to_le_bytes());
        self.put(MSIX_AT + 4, &(registers::TABLE.offset as u32).to_le_bytes());
        self.put(MSIX_AT + 8, &(registers::PENDING.offset as u32).to_le_bytes());
    }

    fn put_capabilities(&mut self) {
        let parts = [
            (COMMON, registers::COMMON),
            (NOTIFY, registers::NOTIFY),
            (CAUSES, registers::CAUSES),
            (CONFIG, registers::CONFIG),
            (ACCESS, Part { offset: 0, length: 0 }),
        ];
        for (index, (kind, part)) in parts.into_iter().enumerate() {
            let at = CAPABILITIES + index * APART;
            let next = if kind == ACCESS { 0 } else { at + APART };
            self.put(at, &[VENDOR_SPECIFIC, next as u8, APART as u8, kind]);
            self.put(at + 8, &(part.offset as u32).to_le_bytes());
            self.put(at + 12, &(part.length as u32).to_le_bytes());
            if kind == NOTIFY {
                self.put(at + 16, &registers::NOTIFY_APART.to_le_bytes());
            }
        }
        self.allow(ACCESS_REGION, &[0xff]);
        self.allow(ACCESS_OFFSET, &[0xff; 12]);
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        for (to, from) in self.bytes.iter_mut().skip(at).zip(bytes) {
            *to = *from;
        }
    }

    fn allow(&mut self, at: usize, bits: &[u8]) {
        for (to, from) in self.writable.iter_mut().skip(at).zip(bits) {
            *to = *from;
        }
    }

    pub(super) fn read(&self, offset: usize, data: &mut [u8]) {
        data.fill(0);
        for (to, from) in data.iter_mut().zip(self.bytes.iter().skip(offset)) {
            *to = *from;
        }
    }

    pub(super) fn write(&mut self, offset: usize, data: &[u8]) {
        let bytes = self.bytes.iter_mut().zip(&self.writable).skip(offset);
        for ((byte, writable), new) in bytes.zip(data) {
            *byte = *byte & !writable | new & writable;
        }
    }

    /// Returns where the registers are in memory, if they are.
    pub(super) fn base(&self) -> Option<u64> {
        let answers = self.word(COMMAND) as u8 & ANSWERS != 0;
        answers.then_some(self.word(BASE).into())
    }

    /// Says whether messages are on, and whether all of them wait.
    pub(super) fn messages(&self) -> (bool, bool) {
        let control = self.word(MSIX_CONTROL) as u16;
        (control & MSIX_ENABLED != 0, control & MSIX_MASKED != 0)
    }

    /// Says whether the line is switched off.
    pub(super) fn is_line_off(&self) -> bool {
        (self.word(COMMAND) >> 8) as u8 & NO_LINE != 0
    }

    /// Shows whether the function wants its line to be up.
    pub(super) fn show_line(&mut self, is_wanted: bool) {
        let wants = if is_wanted { WANTS_LINE } else { 0 };
        self.put(STATUS, &[HAS_CAPABILITIES | wants]);
    }

    /// Returns which register is reached through this space, and its length.
    pub(super) fn access(&self) -> Option<(u64, usize)> {
        let length = self.word(ACCESS_LENGTH) as usize;
        let is_valid = self.word(ACCESS_REGION) as u8 == 0 && matches!(length, 1 | 2 | 4);
        is_valid.then_some((self.word(ACCESS_OFFSET).into(), length))
    }

    fn word(&self, at: usize) -> u32 {
        let mut word = [0; 4];
        self.read(at, &mut word);
        u32::from_le_bytes(word)
    }
}
