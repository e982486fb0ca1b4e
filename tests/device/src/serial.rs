//! A driver that only knows names.

use onereg::{Error, Registers};

use crate::uart::{CR, Cr, DR, Dr, FBRD, FR, IBRD, ICR, Interrupts, LCR_H, LcrH, LcrHWlen, Pl011};

/// A serial port that sends.
pub struct Serial<'a, T> {
    registers: &'a T,
}

impl<'a, T: Registers<Pl011>> Serial<'a, T> {
    /// Starts the UART with 8 bits, no parity, one stop bit, at `baud` from a clock of `hertz`.
    ///
    /// # Errors
    ///
    /// Returns the register that could not be written.
    pub fn start(registers: &'a T, hertz: u32, baud: u32) -> Result<Self, Error> {
        // The divisor is hertz / (16 * baud), in 64ths.
        let divisor = u64::from(hertz) * 4 / u64::from(baud.max(1));
        registers.set(CR, Cr::new(0))?;
        registers.set(ICR, Interrupts::new(0x7ff))?;
        registers.set(IBRD, u32::try_from(divisor / 64).unwrap_or(u32::MAX))?;
        registers.set(FBRD, u32::try_from(divisor % 64).unwrap_or(0))?;
        registers.set(LCR_H, LcrH::new(0).with_wlen(LcrHWlen::EIGHT).with_fen(true))?;
        registers.update(CR, |cr| cr.with_txe(true).with_uarten(true))?;
        Ok(Serial { registers })
    }

    /// Sends `text`, each character as soon as the queue has room.
    ///
    /// # Errors
    ///
    /// Returns the register that could not be accessed.
    pub fn send(&self, text: &[u8]) -> Result<(), Error> {
        for character in text {
            while self.registers.get(FR)?.txff() {
                core::hint::spin_loop();
            }
            self.registers.set(DR, Dr::new(0).with_data(*character))?;
        }
        Ok(())
    }
}
