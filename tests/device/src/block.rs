//! A block of registers in memory.

use core::cell::Cell;

use onereg::{Error, ErrorKind, Host, Operation, Place, Registers};

use crate::uart::Pl011;

const WORDS: usize = 0x1000 / 4;

/// The registers of one UART, as memory that keeps what is written.
pub struct Block([Cell<u32>; WORDS]);

impl Block {
    /// Makes a block that is all zeroes.
    pub const fn new() -> Self {
        Block([const { Cell::new(0) }; WORDS])
    }

    /// Finds the word at `place`.
    fn word(&self, operation: Operation, place: Place) -> Result<&Cell<u32>, Error> {
        let word = match place {
            Place::Plain { address, size: 4 } if address % 4 == 0 => {
                usize::try_from(address / 4).ok().and_then(|index| self.0.get(index))
            }
            _ => None,
        };
        word.ok_or_else(|| Error::new::<Pl011>(operation, place, Host::LP64, ErrorKind::Absent))
    }
}

impl Default for Block {
    fn default() -> Self {
        Block::new()
    }
}

impl Registers<Pl011> for Block {
    fn read_bytes(&self, place: Place, buffer: &mut [u8]) -> Result<(), Error> {
        let word = self.word(Operation::Get, place)?;
        let given = buffer.len();
        let Ok(buffer) = <&mut [u8; 4]>::try_from(buffer) else {
            let kind = ErrorKind::Size { given };
            return Err(Error::new::<Pl011>(Operation::Get, place, self.host(), kind));
        };
        *buffer = word.get().to_ne_bytes();
        Ok(())
    }

    fn write_bytes(&self, place: Place, bytes: &[u8]) -> Result<(), Error> {
        let word = self.word(Operation::Set, place)?;
        let Ok(bytes) = <[u8; 4]>::try_from(bytes) else {
            let kind = ErrorKind::Size { given: bytes.len() };
            return Err(Error::new::<Pl011>(Operation::Set, place, self.host(), kind));
        };
        word.set(u32::from_ne_bytes(bytes));
        Ok(())
    }
}
