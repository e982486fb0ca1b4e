//! States as files: compact, self-describing, versioned and checksummed.
//!
//! Version 1, numbers with their least significant byte first, `varint` in LEB128 without needless bytes, `text` as a
//! varint length and UTF-8:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `onereg` 0x1a 0x0a |
//! | 2 | version |
//! | 8 | length of the file in bytes |
//! | varint | number of vCPUs, and of each: |
//! | 4 texts | architecture, kernel, kernel of the table, version of the library |
//! | 1 | 1 where the host stores the most significant byte first, else 0 |
//! | 1, varint | XLEN of the host and its vector registers, in bytes |
//! | varint, texts | names of the carriers |
//! | varint | number of registers, and of each: |
//! | text | name |
//! | 1 | class in bits 3..0; 4: a register that another ioctl carries; 5: the struct of another ioctl as a block |
//! | 8 bytes or varints | id; of 4 the carrier's number, offset and size in bytes; of 5 the carrier's number and size |
//! | size | value: up to 16 bytes a number, else, and of a block, bytes in the order of memory |
//! | 4 | at the end of the file: CRC-32 of everything before |
//!
//! What a build reads once, every later build reads: a change of the layout takes a new version, and its reader stays.

mod decode;
mod encode;

use std::fmt;

use super::VcpuState;
use crate::table::Class;

/// States of the vCPUs of a VM, as one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateFile {
    /// The vCPUs, in their order.
    pub vcpus: Vec<VcpuState>,
}

impl StateFile {
    /// Version of the layout that this build writes.
    pub const VERSION: u16 = 1;

    /// Returns the bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode::encode(self)
    }

    /// Reads a file of this version or an older one.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the file and at which byte: it is something else, of a newer version, cut off, altered,
    /// or contradicts itself.
    pub fn from_bytes(bytes: &[u8]) -> Result<StateFile, FormatError> {
        decode::decode(bytes)
    }
}

/// Why bytes are no file of states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatError {
    offset: usize,
    problem: String,
}

impl FormatError {
    fn new(offset: usize, problem: impl Into<String>) -> Self {
        FormatError { offset, problem: problem.into() }
    }

    /// Returns the byte that the problem is at.
    pub fn offset(&self) -> usize {
        self.offset
    }
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {:#x}: {}", self.offset, self.problem)
    }
}

impl std::error::Error for FormatError {}

const MAGIC: [u8; 8] = *b"onereg\x1a\n";

/// Bytes before the vCPUs: magic, version, length.
const HEADER: usize = 18;

/// Bytes of the checksum.
const CHECKSUM: usize = 4;

/// Set in the byte of the class for a register that another ioctl carries.
const CARRIED_BY_IOCTL: u8 = 1 << 4;

/// Set for the struct of another ioctl as a whole.
const BLOCK: u8 = 1 << 5;

/// Classes by their number in the file.
const CLASSES: [Class; 7] = [
    Class::State,
    Class::Identity,
    Class::Derived,
    Class::Volatile,
    Class::WriteOnce,
    Class::VmWide,
    Class::PreFinalize,
];

/// Largest value in bytes that is a number; larger ones are bytes in the order of memory.
const NUMBER_MAX: usize = 16;

/// Turns a value of this host into one of a file, or back.
fn swap(value: &mut [u8]) {
    if cfg!(target_endian = "big") && value.len() <= NUMBER_MAX {
        value.reverse();
    }
}
