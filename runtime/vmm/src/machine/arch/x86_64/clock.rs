//! The real-time clock of a PC, behind an index port and a data port. It shows the time of the host, so it cannot be
//! set, and has no alarm and no memory.

use std::sync::atomic::{AtomicU8, Ordering};

use time::OffsetDateTime;

use crate::failure::Failure;
use crate::machine::bus::{Action, Bus, Device, Slot};

/// Ports of the clock.
pub(super) const CLOCK: Slot = Slot { bus: Bus::Port, address: 0x70, length: 2 };

/// Offsets of the ports.
const INDEX: u64 = 0;
const DATA: u64 = 1;

/// Bits of the index; the one above them masks the NMI of a PC.
const INDEX_BITS: u8 = 0x7f;

/// Registers: parts of the time, and what says how to read them.
const SECONDS: u8 = 0;
const MINUTES: u8 = 2;
const HOURS: u8 = 4;
const WEEKDAY: u8 = 6;
const DAY: u8 = 7;
const MONTH: u8 = 8;
const YEAR: u8 = 9;
const STATUS_A: u8 = 0xa;
const STATUS_B: u8 = 0xb;
const STATUS_D: u8 = 0xd;

/// Status A: the crystal's frequency and the usual rate. An update is never under way.
const FREQUENCY: u8 = 0x26;

/// Status B: hours count to 24. Numbers are decimal, a digit in four bits.
const HOURS_TO_24: u8 = 1 << 1;

/// Status D: the time is valid.
const VALID: u8 = 1 << 7;

/// The clock, which keeps the index of the register that is read next.
#[derive(Default)]
pub(super) struct Clock(AtomicU8);

impl Device for Clock {
    fn read(&self, offset: u64, data: &mut [u8]) {
        data.fill(0xff);
        if let (DATA, [byte, ..]) = (offset, data) {
            *byte = register(self.0.load(Ordering::Relaxed), OffsetDateTime::now_utc());
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<Action, Failure> {
        if let (INDEX, [index, ..]) = (offset, data) {
            self.0.store(index & INDEX_BITS, Ordering::Relaxed);
        }
        Ok(Action::Continue)
    }
}

/// Returns what a register has at that time.
fn register(index: u8, now: OffsetDateTime) -> u8 {
    match index {
        SECONDS => decimal(now.second()),
        MINUTES => decimal(now.minute()),
        HOURS => decimal(now.hour()),
        WEEKDAY => now.weekday().number_from_sunday(),
        DAY => decimal(now.day()),
        MONTH => decimal(now.month().into()),
        YEAR => decimal(now.year().rem_euclid(100) as u8),
        STATUS_A => FREQUENCY,
        STATUS_B => HOURS_TO_24,
        STATUS_D => VALID,
        _ => 0,
    }
}

/// Writes a number of two digits with four bits each.
fn decimal(number: u8) -> u8 {
    ((number / 10) << 4) | (number % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the register of that index through the ports.
    fn read(clock: &Clock, index: u8) -> u8 {
        let mut data = [0];
        assert_eq!(clock.write(INDEX, &[index]).unwrap(), Action::Continue);
        clock.read(DATA, &mut data);
        data[0]
    }

    #[test]
    fn the_time_is_in_decimal_digits() {
        // Tuesday, 2024-12-31, 23:59:58.
        let time = OffsetDateTime::from_unix_timestamp(1_735_689_598).unwrap();
        let registers = [SECONDS, MINUTES, HOURS, WEEKDAY, DAY, MONTH, YEAR];
        let values = registers.map(|index| register(index, time));
        assert_eq!(values, [0x58, 0x59, 0x23, 3, 0x31, 0x12, 0x24]);
    }

    #[test]
    fn the_ports_show_the_time_of_the_host() {
        let clock = Clock::default();
        let before = OffsetDateTime::now_utc();
        let shown = read(&clock, MINUTES);
        let after = OffsetDateTime::now_utc();
        assert!([before, after].map(|time| register(MINUTES, time)).contains(&shown), "{shown:x}");
        // The bit above the index is not of it.
        assert_eq!([STATUS_B, 0x80 | STATUS_D].map(|index| read(&clock, index)), [2, 0x80]);
        assert_eq!(read(&clock, 0x40), 0);
    }

    #[test]
    fn what_is_written_changes_nothing() {
        let clock = Clock::default();
        for (offset, data) in [(INDEX, &[STATUS_B][..]), (DATA, &[0]), (DATA, &[]), (INDEX, &[])] {
            assert_eq!(clock.write(offset, data).unwrap(), Action::Continue);
        }
        assert_eq!(read(&clock, STATUS_B), HOURS_TO_24);
        let mut wide = [0; 2];
        clock.read(INDEX, &mut wide);
        assert_eq!(wide, [0xff; 2]);
    }
}
