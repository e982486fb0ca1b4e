//! Virtio devices behind PCI: how they are found, put into memory, and given a message to send.

use crate::remote::Guest;

/// Where configuration space is, and what can hold registers.
const CONFIGURATION: u64 = 0xe000_0000;
const WINDOW: u64 = 0xd000_0000;

/// Bytes that a device has there, and for each device.
const FUNCTION_APART: u64 = 0x8000;
const WINDOW_APART: u64 = 0x4000;

/// Offsets in configuration space.
const COMMAND: u64 = 0x04;
const BASE: u64 = 0x10;
const CAPABILITIES: u64 = 0x34;

/// Command: the function answers in memory, and may write there.
const ANSWERS_AND_WRITES: u64 = 0b110;

/// The first words of capabilities, without where the next one is: registers that all devices have, notifications, the
/// device's own configuration, messages.
const COMMON: u64 = 0x0114_0009;
const NOTIFY: u64 = 0x0214_0009;
const CONFIG: u64 = 0x0414_0009;
const MESSAGES: u64 = 0x11;

/// What the notifications of queues are apart.
pub(super) const NOTIFY_APART: u64 = 4;

/// Offset of the register that says which message is the queue's, and the bit that switches messages on.
const QUEUE_MESSAGE: u64 = 0x1a;
const ENABLED: u64 = 1 << 15;

/// Says whether a device is virtio's and of that kind.
pub(super) fn is_virtio(guest: &mut Guest, device: u64, kind: u64) -> bool {
    guest.read(function(device), 4) == (0x1040 + kind) << 16 | 0x1af4
}

/// Puts the registers of a device into memory; returns where the common ones are, its first queue is notified, and its
/// configuration is.
pub(super) fn place(guest: &mut Guest, device: u64) -> [u64; 3] {
    let base = WINDOW + WINDOW_APART * device;
    guest.write(function(device) + BASE, 4, base);
    guest.write(function(device) + COMMAND, 2, ANSWERS_AND_WRITES);
    [COMMON, NOTIFY, CONFIG].map(|kind| {
        let at = capability(guest, device, |word| word & !0xff00 == kind);
        base + guest.read(at + 8, 4)
    })
}

/// Makes the first message a vector of the local APIC, and has the selected queue send it.
pub(super) fn set_message(guest: &mut Guest, device: u64, local_apic: u64, vector: u64) {
    let at = capability(guest, device, |word| word & 0xff == MESSAGES);
    let base = WINDOW + WINDOW_APART * device;
    let entry = base + guest.read(at + 4, 4);
    for (offset, value) in [(0, local_apic), (4, 0), (8, vector), (12, 0)] {
        guest.write(entry + offset, 4, value);
    }
    guest.write(at + 2, 2, ENABLED);
    let [common, ..] = place(guest, device);
    guest.write(common + QUEUE_MESSAGE, 2, 0);
}

/// Finds a capability by its first word.
fn capability(guest: &mut Guest, device: u64, is_it: impl Fn(u64) -> bool) -> u64 {
    let mut at = guest.read(function(device) + CAPABILITIES, 1);
    while at != 0 {
        let word = guest.read(function(device) + at, 4);
        if is_it(word) {
            return function(device) + at;
        }
        at = word >> 8 & 0xff;
    }
    panic!("the function has all capabilities");
}

fn function(device: u64) -> u64 {
    CONFIGURATION + FUNCTION_APART * device
}
