//! Errors of register access: which register, which operation, and what the kernel meant.

use core::fmt;

use crate::explain::Refused;
use crate::register::{Arch, Place};
use crate::registers::Host;
use crate::table::{Carrier, Info, Table};

/// A register access that failed.
///
/// `Display` says in one line the register, its id in hex, the errno with its meaning on that architecture, the value that
/// was refused in fields, what the register's row says of such a refusal, and what to do.
#[derive(Clone, Copy)]
pub struct Error {
    operation: Operation,
    place: Place,
    host: Host,
    table: &'static Table,
    kind: ErrorKind,
    value: [u8; VALUE],
    length: u8,
}

/// Bytes of the longest value that an error keeps: the longest one with fields.
const VALUE: usize = 16;

/// What was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Reading a register.
    Get,
    /// Writing a register.
    Set,
}

/// Why an access failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The kernel refused it with this errno.
    Errno(i32),
    /// The buffer's length is not the register's size in bytes.
    Size {
        /// Bytes given.
        given: usize,
    },
    /// A family has no member of this index.
    Index {
        /// Index given.
        index: usize,
        /// Members of the family.
        count: usize,
    },
    /// The target holds no such register.
    Absent,
    /// The target cannot do this kind of access.
    Unsupported(&'static str),
}

impl Error {
    /// Describes a failed access to the register of `A` at `place`.
    pub fn new<A: Arch>(operation: Operation, place: Place, host: Host, kind: ErrorKind) -> Self {
        Error { operation, place, host, table: A::TABLE, kind, value: [0; VALUE], length: 0 }
    }

    /// Adds the value that was to be written, in the host's byte order; one of more than 16 bytes is left out.
    #[must_use]
    pub fn with_value(mut self, value: &[u8]) -> Self {
        if let Some(kept) = self.value.get_mut(..value.len()) {
            kept.copy_from_slice(value);
            self.length = value.len() as u8;
        }
        self
    }

    /// Returns the value that was to be written, where it is known and has up to 16 bytes.
    pub fn value(&self) -> Option<&[u8]> {
        self.value.get(..usize::from(self.length)).filter(|value| !value.is_empty())
    }

    /// Describes a failed access to the struct of `carrier` as a whole.
    pub fn of_block<A: Arch>(
        operation: Operation,
        carrier: &'static Carrier,
        host: Host,
        kind: ErrorKind,
    ) -> Self {
        Error::new::<A>(operation, Place::Via { carrier, offset: 0, size: 0 }, host, kind)
    }

    /// Returns what was tried.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// Returns why it failed.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns where the register lives.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Returns the register's 64-bit id, where it has one.
    pub fn id(&self) -> Option<u64> {
        self.place.id(self.host)
    }

    /// Returns the name of the register or block, where the table has one.
    pub fn name(&self) -> Option<&'static str> {
        if let Place::Via { carrier, size: 0, .. } = self.place {
            return Some(carrier.name);
        }
        Some(self.info()?.name)
    }

    fn info(&self) -> Option<&'static Info> {
        self.table.at(self.place).or_else(|| self.table.by_id(self.id()?))
    }

    fn register(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.table.name, self.name().unwrap_or("register without a name"))?;
        match (self.place, self.id()) {
            (_, Some(id)) => write!(f, " ({id:#018x})"),
            (Place::Via { carrier, size: 0, .. }, None) => write!(f, " ({})", carrier.structure),
            (Place::Via { carrier, offset, .. }, None) => {
                write!(f, " ({} + {offset:#x})", carrier.structure)
            }
            (Place::Plain { address, .. }, None) => write!(f, " ({address:#x})"),
            (_, None) => Ok(()),
        }
    }

    /// Returns what there is to explain of a refused access to a register that the table has.
    fn refused(&self, errno: &'static str) -> Option<Refused<'_>> {
        Some(Refused {
            table: self.table,
            info: self.info()?,
            operation: self.operation,
            errno,
            value: self.value().unwrap_or_default(),
        })
    }

    fn ioctl(&self) -> &'static str {
        match (self.place, self.operation) {
            (Place::Via { carrier, .. }, Operation::Get) => carrier.get.name,
            (Place::Via { carrier, .. }, Operation::Set) => {
                carrier.set.map_or(carrier.get.name, |set| set.name)
            }
            (Place::Plain { .. }, Operation::Get) => "read",
            (Place::Plain { .. }, Operation::Set) => "write",
            (_, Operation::Get) => "KVM_GET_ONE_REG",
            (_, Operation::Set) => "KVM_SET_ONE_REG",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.ioctl())?;
        self.register(f)?;
        match self.kind {
            ErrorKind::Errno(number) => {
                let errno = self.table.errors.iter().find(|errno| errno.number == number);
                match errno {
                    Some(errno) => write!(f, ": {} ({number}): {}", errno.name, errno.meaning)?,
                    None => write!(f, ": errno {number}")?,
                }
                let errno = errno.map_or("", |errno| errno.name);
                self.refused(errno).map_or(Ok(()), |refused| refused.fmt(f))
            }
            ErrorKind::Size { given } => {
                write!(f, ": {given} bytes given, the register has {}", self.place.size(self.host))
            }
            ErrorKind::Index { index, count } => {
                write!(f, ": index {index} is out of range, its family has {count} registers")
            }
            ErrorKind::Absent => f.write_str(": the target holds no such register"),
            ErrorKind::Unsupported(why) => write!(f, ": {why}"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self})")
    }
}

impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        (self.operation, self.place, self.host, self.kind, self.value())
            == (other.operation, other.place, other.host, other.kind, other.value())
            && core::ptr::eq(self.table, other.table)
    }
}

impl Eq for Error {}

impl core::error::Error for Error {}
