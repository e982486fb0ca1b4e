//! Something whose registers can be read and written.

use crate::error::Error;
use crate::register::{Arch, Place, Readable, Reg, Writable};
use crate::value::Value;

/// What symbolic widths depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Host {
    xlen: u8,
    vlenb: u16,
}

impl Host {
    /// A 64-bit host without vector registers.
    pub const LP64: Host = Host { xlen: 8, vlenb: 1 };

    /// Describes a host by its XLEN (32 or 64) and the bytes of a vector register (a power of two up to 8192; 0 for
    /// none); `None` for anything else.
    pub const fn new(xlen: u32, vlenb: usize) -> Option<Host> {
        let xlen = match xlen {
            32 => 4,
            64 => 8,
            _ => return None,
        };
        match vlenb {
            0 => Some(Host { xlen, vlenb: 1 }),
            1..=8192 if vlenb.is_power_of_two() => Some(Host { xlen, vlenb: vlenb as u16 }),
            _ => None,
        }
    }

    /// Returns the size of an `unsigned long` in bytes.
    #[inline]
    pub const fn xlen_bytes(self) -> usize {
        self.xlen as usize
    }

    /// Returns the size of a vector register in bytes.
    #[inline]
    pub const fn vlenb(self) -> usize {
        self.vlenb as usize
    }
}

/// Reads and writes the registers of one vCPU, of a memory image, of a device.
///
/// Implementations give the two untyped methods; everyone else calls the typed ones.
pub trait Registers<A: Arch> {
    /// Reads the register at `place` into `buffer`, whose length is the register's size.
    ///
    /// # Errors
    ///
    /// Returns which register failed and why.
    fn read_bytes(&self, place: Place, buffer: &mut [u8]) -> Result<(), Error>;

    /// Writes `bytes`, whose length is the register's size, to the register at `place`.
    ///
    /// # Errors
    ///
    /// Returns which register failed and why.
    fn write_bytes(&self, place: Place, bytes: &[u8]) -> Result<(), Error>;

    /// Returns what symbolic widths depend on.
    #[inline]
    fn host(&self) -> Host {
        Host::LP64
    }

    /// Reads a register.
    ///
    /// # Errors
    ///
    /// Returns the register by name and id, and why it could not be read.
    #[inline]
    fn get<V: Value, K: Readable>(&self, register: Reg<A, V, K>) -> Result<V, Error> {
        let place = register.place();
        V::read(place.size(self.host()), |buffer| self.read_bytes(place, buffer))
    }

    /// Writes a register.
    ///
    /// # Errors
    ///
    /// Returns the register by name and id, and why it could not be written.
    #[inline]
    fn set<V: Value, K: Writable>(&self, register: Reg<A, V, K>, value: V) -> Result<(), Error> {
        let place = register.place();
        value.write(place.size(self.host()), |bytes| self.write_bytes(place, bytes))
    }

    /// Reads a register, changes its value, and writes it back.
    ///
    /// # Errors
    ///
    /// Returns the register by name and id, and why it could not be read or written.
    #[inline]
    fn update<V: Value, K: Readable + Writable>(
        &self,
        register: Reg<A, V, K>,
        change: impl FnOnce(V) -> V,
    ) -> Result<(), Error> {
        let value = self.get(register)?;
        self.set(register, change(value))
    }
}
