//! A register: where it lives, and what its type says about it.

use core::fmt;
use core::marker::PhantomData;

use crate::registers::Host;
use crate::table::{Access, Carrier, Info, Table, Width};
use crate::value::Value;

/// An architecture, or a plain register space: a marker type with its [`Table`].
pub trait Arch: Copy + 'static {
    /// Bits 63..56 of every id; `None` for a plain register space.
    const CODE: Option<u8>;
    /// Every register of it.
    const TABLE: &'static Table;
}

/// Where a register lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// Behind KVM_GET_ONE_REG and KVM_SET_ONE_REG, under this id.
    OneReg(u64),
    /// Likewise; the id lacks its size bits, which the host's XLEN gives.
    Xlen(u64),
    /// Likewise; the id lacks its size bits, which the host's vector length gives.
    Vlenb(u64),
    /// In the struct of another ioctl.
    Via {
        /// The ioctl.
        carrier: &'static Carrier,
        /// Byte offset in its struct.
        offset: u16,
        /// Size in bytes.
        size: u16,
    },
    /// At an address of a plain register space.
    Plain {
        /// Byte address.
        address: u64,
        /// Size in bytes.
        size: u16,
    },
}

const SIZE_SHIFT: u32 = 52;

impl Place {
    /// Computes the 64-bit id on `host`; `None` for a register without one.
    #[inline]
    pub const fn id(self, host: Host) -> Option<u64> {
        match self {
            Place::OneReg(id) => Some(id),
            Place::Xlen(body) => {
                Some(body | (host.xlen_bytes().trailing_zeros() as u64) << SIZE_SHIFT)
            }
            Place::Vlenb(body) => Some(body | (host.vlenb().trailing_zeros() as u64) << SIZE_SHIFT),
            Place::Via { .. } | Place::Plain { .. } => None,
        }
    }

    /// Computes the size in bytes on `host`.
    #[inline]
    pub const fn size(self, host: Host) -> usize {
        match self {
            Place::OneReg(id) => 1 << (id >> SIZE_SHIFT & 0xf),
            Place::Xlen(_) => host.xlen_bytes(),
            Place::Vlenb(_) => host.vlenb(),
            Place::Via { size, .. } | Place::Plain { size, .. } => size as usize,
        }
    }
}

/// A register of architecture `A`, with values of type `V` and access `K`.
///
/// Generated constants are the usual source of these; [`Reg::new`] makes others.
pub struct Reg<A, V, K = ReadWrite> {
    place: Place,
    marker: Marker<A, V, K>,
}

/// Carries types without owning values of them.
type Marker<A, V, K> = PhantomData<fn() -> (A, V, K)>;

impl<A, V, K> Reg<A, V, K> {
    /// Names the register at `place`; the caller vouches for its type.
    pub const fn new(place: Place) -> Self {
        Reg { place, marker: PhantomData }
    }

    /// Returns where the register lives.
    #[inline]
    pub const fn place(self) -> Place {
        self.place
    }

    /// Returns the 64-bit id; `None` where it depends on the host, or where another ioctl carries the register.
    #[inline]
    pub const fn id(self) -> Option<u64> {
        match self.place {
            Place::OneReg(id) => Some(id),
            _ => None,
        }
    }
}

impl<A: Arch, V, K> Reg<A, V, K> {
    /// Looks up what the table says of the register.
    pub fn info(self) -> Option<&'static Info> {
        A::TABLE.at(self.place)
    }

    /// Looks up the register's name.
    pub fn name(self) -> &'static str {
        self.info().map_or("unnamed register", |info| info.name)
    }
}

impl<A: Arch, V: Value, K: Kind> Reg<A, V, K> {
    /// Gives a register that was looked up at run time its type.
    ///
    /// # Errors
    ///
    /// Returns how the register differs from the type: its architecture, width or access.
    pub fn from_info(info: &Info) -> Result<Self, WrongType> {
        if A::TABLE.at(info.place) != Some(info) {
            return Err(WrongType::Arch { name: info.name, arch: A::TABLE.name });
        }
        if info.row.width != V::WIDTH {
            return Err(WrongType::Width { name: info.name, width: info.row.width });
        }
        if info.row.access != Access::ReadWrite && info.row.access != K::ACCESS {
            return Err(WrongType::Access { name: info.name, access: info.row.access });
        }
        Ok(Reg::new(info.place))
    }
}

/// Why a register that was looked up at run time does not have a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrongType {
    /// It is not one of the type's architecture.
    Arch {
        /// The register.
        name: &'static str,
        /// The type's architecture.
        arch: &'static str,
    },
    /// It has another width.
    Width {
        /// The register.
        name: &'static str,
        /// Its width.
        width: Width,
    },
    /// It allows less.
    Access {
        /// The register.
        name: &'static str,
        /// What it allows.
        access: Access,
    },
}

impl fmt::Display for WrongType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WrongType::Arch { name, arch } => write!(f, "{name} is no register of {arch}"),
            WrongType::Width { name, width: Width::Bits(bits) } => {
                write!(f, "{name} is {bits} bits wide")
            }
            WrongType::Width { name, width: Width::Ulong } => {
                write!(f, "{name} is as wide as the host's XLEN")
            }
            WrongType::Width { name, width: Width::Vlenb } => {
                write!(f, "{name} is as wide as a vector register")
            }
            WrongType::Access { name, access: Access::ReadOnly } => {
                write!(f, "{name} is read-only")
            }
            WrongType::Access { name, access: _ } => write!(f, "{name} is write-only"),
        }
    }
}

impl core::error::Error for WrongType {}

impl<A, V, K> Clone for Reg<A, V, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A, V, K> Copy for Reg<A, V, K> {}

impl<A, V, K> PartialEq for Reg<A, V, K> {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

impl<A, V, K> Eq for Reg<A, V, K> {}

impl<A: Arch, V, K> fmt::Debug for Reg<A, V, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Access of a register that is read and written.
#[derive(Debug)]
pub enum ReadWrite {}

/// Access of a register that is only read.
#[derive(Debug)]
pub enum ReadOnly {}

/// Access of a register that is only written.
#[derive(Debug)]
pub enum WriteOnly {}

/// Accesses that allow to read.
#[diagnostic::on_unimplemented(
    message = "this register is write-only",
    label = "cannot be read",
    note = "its table row says `access: wo`"
)]
pub trait Readable {}

/// Accesses that allow to write.
#[diagnostic::on_unimplemented(
    message = "this register is read-only",
    label = "cannot be written",
    note = "its table row says `access: ro`"
)]
pub trait Writable {}

/// The three accesses.
pub trait Kind {
    /// Its value.
    const ACCESS: Access;
}

impl Kind for ReadWrite {
    const ACCESS: Access = Access::ReadWrite;
}

impl Kind for ReadOnly {
    const ACCESS: Access = Access::ReadOnly;
}

impl Kind for WriteOnly {
    const ACCESS: Access = Access::WriteOnly;
}

impl Readable for ReadWrite {}
impl Readable for ReadOnly {}
impl Writable for ReadWrite {}
impl Writable for WriteOnly {}
