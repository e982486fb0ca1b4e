//! Complete state of a vCPU: captured, restored, compared, kept in files.
//!
//! Nothing here knows a register. Which registers there are, in which order they are written, and what a restore does
//! with each is data of the tables: phase, class, access, write rule, scope, list.
//!
//! Reading order: `select` (what is read), `capture`, `order` and `treat` (when and what a restore does with a register),
//! `restore`, `difference`, `check`, `trial`, `format`.

mod capture;
mod check;
mod difference;
mod failure;
mod format;
mod json;
mod order;
mod restore;
mod saved;
mod select;
mod treat;
mod trial;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

pub use capture::{Capture, CaptureError};
pub use check::{Concern, HostProfile, Verdict};
pub use difference::{Difference, FieldDifference};
pub use failure::{Refusal, RestoreError};
pub use format::{FormatError, StateFile};
pub use restore::{Outcome, RestoreOptions, Restored, VmWide};
pub use saved::Saved;
pub use select::{Present, Unknown};
pub use trial::writable_bits;

use crate::plan::Slot;
use crate::register::Place;
use crate::registers::Host;
use crate::table::{Carrier, Class, Info, Table};
use capture::Again;

/// Complete state of one vCPU: every register by name, width and class, with its value.
///
/// The registers are in the order in which a restore writes them. Overlapping registers (x86 FPU and XSAVE, Power FPR and
/// VSR) are all captured and all written, each in its phase: the view that a table puts into the later phase prevails, and
/// views of one phase agree because they were read from the same storage. Structs whose contents no row names (x86: the
/// whole XSAVE area, nested virtualization) are blocks: opaque, and as large as the vCPU had them.
///
/// ```
/// use onereg::arm64::{PC, X};
/// use onereg::{Arm64, Host, Memory, Present, Registers, RestoreOptions, Unknown, VcpuState};
///
/// let vcpu = Memory::<Arm64>::new(Host::LP64);
/// vcpu.set_many((PC, X[0]), (0x4008_0000, 7))?;
/// let state = VcpuState::capture(&vcpu, Present::Table, Unknown::Refuse)?.state;
///
/// let fresh = Memory::<Arm64>::new(Host::LP64);
/// state.restore(&fresh, &RestoreOptions::default())?;
/// assert_eq!(fresh.get(X[0])?, 7);
/// assert!(state.verify(&fresh)?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct VcpuState {
    table: &'static Table,
    origin: Origin,
    entries: Vec<Entry>,
    values: Vec<u8>,
    again: Option<Again>,
}

/// Where a state comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Release of the kernel, `6.18.44`; empty where there was none.
    pub kernel: String,
    /// Newest kernel release that the table was checked against.
    pub table: String,
    /// Version of this library.
    pub library: String,
    /// What symbolic widths depend on.
    pub host: Host,
    /// Whether the host stores numbers with their most significant byte first.
    pub big_endian: bool,
}

/// A register of a state.
#[derive(Debug, Clone)]
struct Entry {
    name: Cow<'static, str>,
    key: Key,
    class: Class,
    info: Option<&'static Info>,
    block: Option<Block>,
    range: Range<usize>,
}

/// A struct that was captured as a whole.
#[derive(Debug, Clone)]
struct Block {
    carrier: Option<&'static Carrier>,
    bytes: Vec<u8>,
}

/// Where a register lives, also one that this build's tables lack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Id(u64),
    Via { carrier: Cow<'static, str>, offset: u16, size: u16 },
    Block { carrier: Cow<'static, str> },
}

impl Key {
    /// Names `place` as seen from `host`; `None` for a register at an address, which no vCPU has.
    fn of(place: Place, host: Host) -> Option<Key> {
        match place {
            Place::Via { carrier, offset, size } => {
                Some(Key::Via { carrier: Cow::Borrowed(carrier.name), offset, size })
            }
            _ => place.id(host).map(Key::Id),
        }
    }
}

impl Entry {
    /// Returns where the register is accessed; `None` for a block, and for a register in a struct that this build does not
    /// know.
    fn place(&self) -> Option<Place> {
        match (self.info, &self.key) {
            (Some(info), _) => Some(info.place),
            (None, Key::Id(id)) => Some(Place::OneReg(*id)),
            (None, Key::Via { .. } | Key::Block { .. }) => None,
        }
    }

    /// Returns how the register is accessed with its value in the state's; `None` as for [`Entry::place`].
    fn slot(&self) -> Option<Slot> {
        Some(Slot::new(self.place()?, self.range.clone()))
    }

    /// Returns the carrier of a block that this build knows.
    fn carrier(&self) -> Option<&'static Carrier> {
        self.block.as_ref()?.carrier
    }

    /// Returns whether this build's table has it.
    fn is_known(&self) -> bool {
        self.info.is_some() || self.carrier().is_some()
    }
}

impl VcpuState {
    /// Returns the table of the state's architecture.
    pub fn table(&self) -> &'static Table {
        self.table
    }

    /// Returns where the state comes from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Records the release of the kernel that the state was captured on.
    pub fn on_kernel(mut self, release: &str) -> Self {
        release.clone_into(&mut self.origin.kernel);
        self
    }

    /// Iterates over the registers, in the order in which a restore writes them.
    pub fn registers(&self) -> impl ExactSizeIterator<Item = Saved<'_>> {
        self.entries.iter().map(|entry| Saved { state: self, entry })
    }

    /// Looks up a register by its exact name.
    pub fn register(&self, name: &str) -> Option<Saved<'_>> {
        self.registers().find(|saved| saved.name() == name)
    }

    fn value<'a>(&'a self, entry: &'a Entry) -> &'a [u8] {
        match &entry.block {
            Some(block) => &block.bytes,
            None => self.values.get(entry.range.clone()).unwrap_or_default(),
        }
    }
}

impl PartialEq for VcpuState {
    /// Whether both hold the same registers with the same values, wherever they come from.
    fn eq(&self, other: &Self) -> bool {
        self.table.name == other.table.name
            && self.entries.len() == other.entries.len()
            && self
                .entries
                .iter()
                .zip(&other.entries)
                .all(|(a, b)| a.key == b.key && a.name == b.name && self.value(a) == other.value(b))
    }
}

impl Eq for VcpuState {}

impl fmt::Debug for VcpuState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Origin { kernel, .. } = &self.origin;
        write!(f, "VcpuState({}, {kernel:?}, {} registers)", self.table.name, self.entries.len())
    }
}
