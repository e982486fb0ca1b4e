//! The real-time clock: that of goldfish, which riscv kernels have built in. Without it the guest's time begins in 1970.
//!
//! It counts nanoseconds since then in two words. It shows the time of the host, so it cannot be set, and has no alarm.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::failure::Failure;
use crate::machine::bus::{Action, Bus, Device, Slot};

/// Registers of the clock, where the `virt` machine of QEMU has its own.
pub(super) const CLOCK: Slot = Slot { bus: Bus::Memory, address: 0x10_1000, length: 0x1000 };

/// Input of the interrupt controller that the clock is connected to: its driver wants one, but nothing raises it.
pub(super) const CLOCK_LINE: u32 = 2;

/// The words of the time.
const LOW: u64 = 0;
const HIGH: u64 = 4;

/// The clock, which keeps the high word of the time whose low one was read last.
#[derive(Default)]
pub(super) struct Clock(AtomicU32);

impl Device for Clock {
    fn read(&self, offset: u64, data: &mut [u8]) {
        let word = match offset {
            LOW => {
                let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                // 64 bits hold the nanoseconds of 584 years.
                let time = time.as_nanos() as u64;
                self.0.store((time >> 32) as u32, Ordering::Relaxed);
                time as u32
            }
            HIGH => self.0.load(Ordering::Relaxed),
            _ => 0,
        };
        data.fill(0);
        for (byte, of_word) in data.iter_mut().zip(word.to_le_bytes()) {
            *byte = of_word;
        }
    }

    fn write(&self, _offset: u64, _data: &[u8]) -> Result<Action, Failure> {
        Ok(Action::Continue)
    }
}
