//! Registers looked up at run time: by name, by id, by place.

use core::cmp::Ordering;
use core::fmt;

use crate::bits::{Field, FieldValue, support};
use crate::register::Place;
use crate::registers::Host;

/// Every register of an architecture or of a plain register space.
///
/// ```
/// use onereg::{Arch, Arm64};
///
/// let register = Arm64::TABLE.by_name("SCTLR_EL1").ok_or("no such register")?;
/// let text = register.format(&0x30d0_198d_u64.to_ne_bytes()).to_string();
/// assert!(text.starts_with("SCTLR_EL1 { M: 1, A: 0, C: 1, "), "{text}");
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug)]
pub struct Table {
    /// Kernel's name: `arm64`.
    pub name: &'static str,
    /// Bits 63..56 of every id; `None` for a plain register space.
    pub code: Option<u8>,
    /// Newest kernel release that the table was checked against.
    pub kernel: &'static str,
    /// Meaning of the errnos of KVM_GET_ONE_REG and KVM_SET_ONE_REG.
    pub errors: &'static [Errno],
    /// Other ioctls whose structs hold registers.
    pub carriers: &'static [&'static Carrier],
    /// Groups of registers.
    pub groups: &'static [Group],
    /// Restore phases, in order.
    pub phases: &'static [&'static str],
    /// Registers, families expanded, aliases left out, sorted by id without its size bits, then by size; the ones of
    /// other ioctls at the end, by carrier and offset.
    pub registers: &'static [Info],
    /// Names, aliases included, each with its hash before it, by which they are sorted, and its index in `registers`
    /// behind it.
    pub names: &'static [(u32, &'static str, u32)],
}

/// One register.
#[derive(Debug)]
pub struct Info {
    /// Name, in the table's spelling: `X5`.
    pub name: &'static str,
    /// Where it lives.
    pub place: Place,
    /// What it shares with the other members of its family.
    pub row: &'static Row,
}

/// What a row of a table says of a register or family.
#[derive(Debug)]
pub struct Row {
    /// Name, as written: `X{0..30}`.
    pub name: &'static str,
    /// One line.
    pub doc: &'static str,
    /// Group.
    pub group: &'static str,
    /// Width.
    pub width: Width,
    /// How many slices the low bits of the id select; 0 for none.
    pub slices: u8,
    /// Who may read and write it.
    pub access: Access,
    /// Which writes the kernel takes.
    pub write: WriteRule,
    /// First kernel release whose writes follow `write`; older ones take every one.
    pub write_since: Option<&'static str>,
    /// Conditions, all of which must hold: `cap:KVM_CAP_ARM_SVE`.
    pub requires: &'static [&'static str],
    /// First kernel release that has it.
    pub since: Option<&'static str>,
    /// Last kernel release series that has it.
    pub until: Option<&'static str>,
    /// Only for hosts of this XLEN.
    pub xlen: Option<u32>,
    /// Whose register it is.
    pub scope: Scope,
    /// Which ioctl lists it.
    pub listed: Listed,
    /// In the kernel's table, but on no vCPU.
    pub hidden: bool,
    /// Class of state.
    pub class: Class,
    /// Index into [`Table::phases`].
    pub phase: Option<u8>,
    /// What the kernel does that the name does not say.
    pub errata: &'static [&'static str],
    /// Fields, most significant first; empty where the layout is not described.
    pub fields: &'static [Field],
}

impl Row {
    /// What a row says that says nothing.
    pub const DEFAULT: Row = Row {
        name: "",
        doc: "",
        group: "",
        width: Width::Bits(64),
        slices: 0,
        access: Access::ReadWrite,
        write: WriteRule::Any,
        write_since: None,
        requires: &[],
        since: None,
        until: None,
        xlen: None,
        scope: Scope::Vcpu,
        listed: Listed::RegList,
        hidden: false,
        class: Class::State,
        phase: None,
        errata: &[],
        fields: &[],
    };
}

/// An errno and what it means on one architecture.
#[derive(Debug)]
pub struct Errno {
    /// Number: 22.
    pub number: i32,
    /// Name: `EINVAL`.
    pub name: &'static str,
    /// What the kernel says with it.
    pub meaning: &'static str,
}

/// A group of registers: a range of ids, or the struct of another ioctl.
#[derive(Debug)]
pub struct Group {
    /// Name: `sysreg`.
    pub name: &'static str,
    /// Bits that the id of every register of the group has, the architecture's code and the size left out.
    pub base: u64,
    /// Bits that tell its registers apart; none where another ioctl carries them.
    pub mask: u64,
    /// Named parts of those bits, as written in the tables; none where they are one number.
    pub parts: &'static [GroupPart],
}

/// A named part of the numbers of a group.
#[derive(Debug)]
pub struct GroupPart {
    /// Name: `op0`.
    pub name: &'static str,
    /// Most significant bit.
    pub msb: u8,
    /// Least significant bit.
    pub lsb: u8,
}

/// An ioctl pair that carries registers in a struct.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Carrier {
    /// Name in the tables: `sregs`.
    pub name: &'static str,
    /// Name of the uapi struct: `kvm_sregs`.
    pub structure: &'static str,
    /// Size of the struct in bytes.
    pub size: u16,
    /// Reads the struct.
    pub get: Ioctl,
    /// Writes the struct.
    pub set: Option<Ioctl>,
    /// Index into [`Table::phases`] of a struct that is saved as a whole, as large as the vCPU has it, which may be
    /// larger than `size`.
    pub block: Option<u8>,
    /// Whose ioctls they are: the vCPU's or the VM's.
    pub scope: Scope,
    /// Byte offset of the 32-bit number that is 0 where the vCPU has none of the struct's registers.
    pub count: Option<u16>,
}

/// An ioctl of the KVM family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ioctl {
    /// Name: `KVM_GET_SREGS`.
    pub name: &'static str,
    /// Its number within the family: 0x83.
    pub nr: u8,
}

/// Width of a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Width {
    /// A number of bits.
    Bits(u32),
    /// The host's XLEN.
    Ulong,
    /// The host's vector register.
    Vlenb,
}

impl Width {
    /// Computes the width in bytes on `host`.
    pub const fn bytes(self, host: Host) -> usize {
        match self {
            Width::Bits(bits) => bits as usize / 8,
            Width::Ulong => host.xlen_bytes(),
            Width::Vlenb => host.vlenb(),
        }
    }
}

/// Who may read and write a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Both.
    ReadWrite,
    /// Only KVM_GET_ONE_REG.
    ReadOnly,
    /// Only KVM_SET_ONE_REG.
    WriteOnly,
}

/// Which writes the kernel takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WriteRule {
    /// Every one.
    Any,
    /// Only the present value.
    MustMatch,
    /// A new value only before the first KVM_RUN.
    BeforeFirstRun,
    /// None after the first KVM_RUN, not even of the present value.
    UntilFirstRun,
    /// Only before KVM_ARM_VCPU_FINALIZE.
    BeforeFinalize,
    /// Of 0 only while it is not 0.
    ClearOnce,
    /// Of a value up to that of a new vCPU.
    UpTo,
    /// Of a value that sets no bit but those that the vCPU has.
    VcpuBits,
}

/// Whose register it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Each vCPU has its own.
    Vcpu,
    /// One for the VM: a write reaches every vCPU.
    Vm,
}

/// Which ioctl lists a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Listed {
    /// KVM_GET_REG_LIST.
    RegList,
    /// KVM_GET_MSR_INDEX_LIST.
    MsrList,
    /// KVM_GET_MSR_FEATURE_INDEX_LIST.
    FeatureList,
    /// None.
    Never,
}

/// Class of state, for save and restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Saved and restored.
    State,
    /// Says who the CPU is.
    Identity,
    /// Follows from other registers.
    Derived,
    /// Changes by itself.
    Volatile,
    /// Takes one write.
    WriteOnce,
    /// Belongs to the VM.
    VmWide,
    /// Written before the vCPU is finalized.
    PreFinalize,
}

impl Class {
    /// Returns the tables' word for it: `vm-wide`.
    pub const fn name(self) -> &'static str {
        match self {
            Class::State => "state",
            Class::Identity => "identity",
            Class::Derived => "derived",
            Class::Volatile => "volatile",
            Class::WriteOnce => "write-once",
            Class::VmWide => "vm-wide",
            Class::PreFinalize => "pre-finalize",
        }
    }
}

const SIZE_MASK: u64 = 0xf << 52;

impl Table {
    /// Looks up a register by its exact name, in O(log n) and without allocation.
    pub fn by_name(&self, name: &str) -> Option<&'static Info> {
        let hash = name_hash(name);
        let first = self.names.partition_point(|(known, ..)| *known < hash);
        let mut same = self.names[first..].iter().take_while(|(known, ..)| *known == hash);
        let (.., index) = same.find(|(_, known, _)| *known == name)?;
        self.registers.get(*index as usize)
    }

    /// Looks up a register by its 64-bit id, in O(log n) and without allocation.
    ///
    /// The id of any slice finds its register. A size that a host could give a symbolic width counts as its id.
    pub fn by_id(&self, id: u64) -> Option<&'static Info> {
        let body = id & !SIZE_MASK;
        let after = self.registers.partition_point(|info| sort_key(info.place).0 <= body);
        self.registers[..after]
            .iter()
            .rev()
            .take_while(|info| near(info, body))
            .find(|info| info.has_id(id))
    }

    /// Looks up the register at `place`.
    pub fn at(&self, place: Place) -> Option<&'static Info> {
        let key = sort_key(place);
        let found = self.registers.binary_search_by(|info| sort_key(info.place).cmp(&key)).ok()?;
        self.registers.get(found)
    }
}

/// Whether `info` may be the register of an id with this `body`: at it, or less than its slices below it.
fn near(info: &Info, body: u64) -> bool {
    body.wrapping_sub(sort_key(info.place).0) < u64::from(info.row.slices.max(1))
}

/// Hash of a name, as the generator computes it: comparing numbers is several times faster than comparing texts.
fn name_hash(name: &str) -> u32 {
    let (words, rest) = name.as_bytes().as_chunks::<8>();
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    let words = words.chain(rest.iter().map(|byte| u64::from(*byte)));
    let mix =
        |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    (words.fold(0, mix) >> 32) as u32
}

/// Order of [`Table::registers`].
fn sort_key(place: Place) -> (u64, u64, &'static str) {
    match place {
        Place::OneReg(id) => (id & !SIZE_MASK, id & SIZE_MASK, ""),
        Place::Xlen(body) | Place::Vlenb(body) => (body, 0, ""),
        Place::Plain { address, size } => (address, u64::from(size), ""),
        Place::Via { carrier, offset, size } => {
            (u64::MAX, u64::from(offset) << 16 | u64::from(size), carrier.name)
        }
    }
}

impl Info {
    /// Formats a value of the register, in the host's byte order: `NAME { FIELD: value, ... } 0xBITS`, or its hex digits
    /// alone where the layout is not described or the value is wider than 128 bits.
    pub fn format<'a>(&'a self, value: &'a [u8]) -> impl fmt::Display + 'a {
        Formatted { info: self, value }
    }

    /// Iterates over the fields of a value, in the host's byte order, most significant first; reserved bits are left
    /// out.
    pub fn fields(&self, value: &[u8]) -> impl Iterator<Item = FieldValue> + use<> {
        support::fields(self.row.fields, Digits(value).number().unwrap_or(0))
    }

    /// Whether `id` is this register's on some host, at any of its slices.
    fn has_id(&self, id: u64) -> bool {
        let size = id & SIZE_MASK;
        match self.place {
            Place::OneReg(own) => own & SIZE_MASK == size,
            Place::Xlen(_) => size == 2 << 52 || size == 3 << 52,
            Place::Vlenb(_) => size <= 13 << 52,
            Place::Plain { .. } => size == 0,
            Place::Via { .. } => false,
        }
    }
}

/// A value with the register it is one of.
struct Formatted<'a> {
    info: &'a Info,
    value: &'a [u8],
}

impl fmt::Display for Formatted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = Digits(self.value);
        match digits.number() {
            Some(bits) if !self.info.row.fields.is_empty() => {
                support::format(f, self.info.name, self.info.row.fields, bits)
            }
            _ => write!(f, "{} {digits}", self.info.name),
        }
    }
}

/// A value in the host's byte order; `Display` writes all its hex digits, most significant first.
#[derive(Debug, Clone, Copy)]
pub struct Digits<'a>(pub &'a [u8]);

impl Digits<'_> {
    /// Returns the bytes, most significant first.
    fn bytes(&self) -> impl Iterator<Item = u8> {
        let last = self.0.len().wrapping_sub(1);
        (0..self.0.len()).map(move |index| {
            self.0[if cfg!(target_endian = "little") { last - index } else { index }]
        })
    }

    /// Returns the number, where it has no more than 128 bits.
    pub fn number(&self) -> Option<u128> {
        let number = self.bytes().fold(0, |number: u128, byte| number << 8 | u128::from(byte));
        (self.0.len() <= size_of::<u128>()).then_some(number)
    }
}

impl fmt::Display for Digits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.bytes().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl PartialEq for Info {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place && self.name == other.name
    }
}

impl Eq for Info {}

impl PartialOrd for Info {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Info {
    fn cmp(&self, other: &Self) -> Ordering {
        sort_key(self.place).cmp(&sort_key(other.place))
    }
}
