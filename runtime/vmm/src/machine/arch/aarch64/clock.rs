//! The real-time clock: a PL031. Without it the guest's time begins in 1970.

use std::sync::{Mutex, PoisonError};

use vm_superio::Rtc;
use vm_superio::rtc_pl031::NoEvents;

use crate::failure::Failure;
use crate::machine::bus::{Action, Bus, Device, Slot};

/// Registers of the clock, where the `virt` machine of QEMU has its own.
pub(super) const CLOCK: Slot = Slot { bus: Bus::Memory, address: 0x901_0000, length: 0x1000 };

/// The clock.
#[derive(Default)]
pub(super) struct Clock(Mutex<Rtc<NoEvents>>);

impl Device for Clock {
    fn read(&self, offset: u64, data: &mut [u8]) {
        let mut word = [0; 4];
        self.0.lock().unwrap_or_else(PoisonError::into_inner).read(offset as u16, &mut word);
        data.fill(0);
        for (byte, of_word) in data.iter_mut().zip(word) {
            *byte = of_word;
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<Action, Failure> {
        // The registers are words: what else is written has no meaning.
        if let Ok(word) = data.try_into() {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(offset as u16, word);
        }
        Ok(Action::Continue)
    }
}
