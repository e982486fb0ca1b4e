//! Types of register values: their size in bytes, and how they cross the ioctl.

use core::fmt;

use crate::table::Width;

/// A value of a register.
///
/// Values cross the ioctl in the host's byte order. The two methods hand out a buffer instead of returning one, so
/// that a value whose size the host decides needs no allocation.
pub trait Value: Copy {
    /// Width of the registers that hold such a value.
    const WIDTH: Width;

    /// Makes a value from `size` bytes that `fill` writes.
    ///
    /// # Errors
    ///
    /// Returns the error of `fill`.
    fn read<E>(size: usize, fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Self, E>;

    /// Hands the value's `size` bytes to `take`.
    fn write<R>(self, size: usize, take: impl FnOnce(&[u8]) -> R) -> R;
}

macro_rules! integer_values {
    ($($integer:ty)+) => {$(
        impl Value for $integer {
            const WIDTH: Width = Width::Bits(<$integer>::BITS);

            #[inline]
            fn read<E>(_size: usize, fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
                let mut bytes = [0; size_of::<$integer>()];
                fill(&mut bytes)?;
                Ok(<$integer>::from_ne_bytes(bytes))
            }

            #[inline]
            fn write<R>(self, _size: usize, take: impl FnOnce(&[u8]) -> R) -> R {
                take(&self.to_ne_bytes())
            }
        }
    )+};
}

integer_values!(u8 u16 u32 u64 u128);

impl<const N: usize> Value for [u8; N] {
    const WIDTH: Width = Width::Bits(N as u32 * 8);

    #[inline]
    fn read<E>(_size: usize, fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let mut bytes = [0; N];
        fill(&mut bytes)?;
        Ok(bytes)
    }

    #[inline]
    fn write<R>(self, _size: usize, take: impl FnOnce(&[u8]) -> R) -> R {
        take(&self)
    }
}

/// Value of a register that is as wide as the host's XLEN: 32 or 64 bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct Ulong(pub u64);

impl Ulong {
    /// Wraps `bits`.
    pub const fn new(bits: u64) -> Self {
        Ulong(bits)
    }

    /// Returns the bits, zero-extended.
    pub const fn bits(self) -> u64 {
        self.0
    }
}

impl From<u64> for Ulong {
    fn from(bits: u64) -> Self {
        Ulong(bits)
    }
}

impl From<Ulong> for u64 {
    fn from(value: Ulong) -> Self {
        value.0
    }
}

impl fmt::Debug for Ulong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Display for Ulong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::LowerHex for Ulong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(&self.0, f)
    }
}

impl Value for Ulong {
    const WIDTH: Width = Width::Ulong;

    #[inline]
    fn read<E>(size: usize, fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        if size == 4 {
            u32::read(size, fill).map(|word| Ulong(u64::from(word)))
        } else {
            u64::read(size, fill).map(Ulong)
        }
    }

    /// On a host with XLEN 32 only the low half crosses.
    #[inline]
    fn write<R>(self, size: usize, take: impl FnOnce(&[u8]) -> R) -> R {
        if size == 4 { (self.0 as u32).write(size, take) } else { self.0.write(size, take) }
    }
}

/// Value of a register that is as wide as the host's vector registers.
#[derive(Clone, Copy)]
pub struct Vlenb {
    size: u16,
    bytes: [u8; Vlenb::MAX],
}

impl Vlenb {
    /// Largest size in bytes (`RISCV_MAX_VLENB`).
    pub const MAX: usize = 8192;

    /// Copies `bytes`; `None` when there are more than [`Vlenb::MAX`].
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let size = u16::try_from(bytes.len()).ok()?;
        let mut value = Vlenb { size, bytes: [0; Vlenb::MAX] };
        value.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(value)
    }

    /// Returns the bytes, lowest element first.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.size)).unwrap_or(&self.bytes)
    }
}

impl PartialEq for Vlenb {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Vlenb {}

impl fmt::Debug for Vlenb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.as_bytes().iter().rev().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Value for Vlenb {
    const WIDTH: Width = Width::Vlenb;

    fn read<E>(size: usize, fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let size = size.min(Vlenb::MAX);
        let mut value = Vlenb { size: size as u16, bytes: [0; Vlenb::MAX] };
        fill(&mut value.bytes[..size])?;
        Ok(value)
    }

    /// A value of another size is cut or filled with zeroes.
    fn write<R>(self, size: usize, take: impl FnOnce(&[u8]) -> R) -> R {
        take(&self.bytes[..size.min(Vlenb::MAX)])
    }
}
