//! The resolved tables: what every check and every backend reads.
//!
//! A [`Register`] is one row; a family stays one row, whose members are counted from 0. Everything that a name
//! in the YAML refers to is an index here, and every id can be computed without failing.

use std::fmt;

use crate::names;

/// One architecture, or one plain register space.
#[derive(Debug, Clone, Default)]
pub struct Arch {
    /// Kernel's name: `arm64`.
    pub name: String,
    /// Bits 63..56 of every id; `None` for a plain register space.
    pub code: Option<u8>,
    /// Newest kernel release the table was checked against.
    pub kernel: String,
    /// One line.
    pub doc: String,
    /// `PPC` where the kernel's uapi header has a macro KVM_REG_PPC_NAME for each register.
    pub macros: Option<String>,
    /// How the ids were proven.
    pub verified: String,
    /// Whether the kernel offers KVM_GET_ONE_REG and KVM_SET_ONE_REG.
    pub one_reg: Support,
    /// Whether the kernel offers KVM_GET_REG_LIST.
    pub reg_list: Support,
    /// Restore phases, in order.
    pub phases: Vec<String>,
    /// Meaning of each errno of the two ioctls.
    pub errors: Vec<ErrnoMeaning>,
    /// Other ioctls whose structs hold registers.
    pub carriers: Vec<Carrier>,
    /// Register groups, in the order of `arch.yaml`.
    pub groups: Vec<Group>,
    /// Shared layouts, then the rows' own, in the order of the tables.
    pub layouts: Vec<Layout>,
    /// Rows, in the order of the tables.
    pub registers: Vec<Register>,
    /// Path of `arch.yaml`, as the caller named it.
    pub file: String,
}

/// Whether a kernel offers an ioctl.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Support {
    /// Never.
    #[default]
    No,
    /// In every kernel that the tables cover.
    Yes,
    /// From this release on.
    Since(String),
}

/// An errno of KVM_GET_ONE_REG or KVM_SET_ONE_REG and what it means on one architecture.
#[derive(Debug, Clone)]
pub struct ErrnoMeaning {
    /// Number: 22.
    pub number: i32,
    /// Name: `EINVAL`.
    pub name: String,
    /// What the kernel says with it.
    pub meaning: String,
}

/// An ioctl pair that carries registers in a struct.
#[derive(Debug, Clone)]
pub struct Carrier {
    /// Name in the tables: `sregs`.
    pub name: String,
    /// Name of the uapi struct: `kvm_sregs`.
    pub structure: String,
    /// Size of the struct in bytes.
    pub size: u32,
    /// Name of the reading ioctl.
    pub get: Ioctl,
    /// Name of the writing ioctl; `None` where there is none.
    pub set: Option<Ioctl>,
    /// Index into [`Arch::phases`] of a struct that is saved as a whole, as large as the vCPU has it.
    pub block: Option<usize>,
    /// Whose ioctls they are: the vCPU's or the VM's.
    pub scope: Scope,
    /// Byte offset of the 32-bit number that is 0 where the vCPU has none of the struct's registers.
    pub count: Option<u32>,
    /// One line.
    pub doc: String,
}

/// An ioctl of the KVM family.
#[derive(Debug, Clone)]
pub struct Ioctl {
    /// Name: `KVM_GET_SREGS`.
    pub name: String,
    /// Its number within the family: 0x83.
    pub nr: u8,
}

/// A register group: one file, one range of ids.
#[derive(Debug, Clone)]
pub struct Group {
    /// Name: `core`.
    pub name: String,
    /// Path of its file, as the caller named it.
    pub file: String,
    /// Bits that every id of the group has.
    pub base: u64,
    /// Bits that a row's number may use; none where another ioctl carries the rows.
    pub mask: u64,
    /// Named parts of the number, as written; empty for a plain number.
    pub parts: Vec<Part>,
    /// One line.
    pub doc: String,
}

/// A named part of a number.
#[derive(Debug, Clone)]
pub struct Part {
    /// Name: `op0`.
    pub name: String,
    /// Most significant bit.
    pub msb: u8,
    /// Least significant bit.
    pub lsb: u8,
}

impl Part {
    /// Extracts this part from a number.
    pub fn of(&self, number: u64) -> u64 {
        (number >> self.lsb) & low_bits(u32::from(self.msb - self.lsb) + 1)
    }

    /// Whether this part has bits of `range`.
    pub(crate) fn overlaps(&self, range: Piece) -> bool {
        u32::from(self.lsb) <= range.msb && range.lsb <= u32::from(self.msb)
    }
}

/// A mask of the `count` lowest bits.
pub(crate) fn low_bits(count: u32) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}

/// One row of a table: a register or a family of registers.
#[derive(Debug, Clone)]
pub struct Register {
    /// Name, as written: `X{0..30}`.
    pub name: Name,
    /// Rust constant: `X`.
    pub constant: String,
    /// Rust accessor method: `x`.
    pub accessor: String,
    /// Index into [`Arch::groups`].
    pub group: usize,
    /// Width.
    pub width: Width,
    /// Number in its group; byte offset in the carrier's struct; of a family: the first member's.
    pub number: u64,
    /// Distance between the numbers of two members.
    pub stride: u64,
    /// How many slices the low bits of the id select; 0 for none.
    pub slices: u32,
    /// Architectural encoding in the group's number format, where it is not the number.
    pub encoding: Option<u64>,
    /// Index into [`Arch::carriers`].
    pub via: Option<usize>,
    /// Who may read and write it.
    pub access: Access,
    /// Which writes the kernel takes.
    pub write: WriteRule,
    /// Kernel file, and function, that the two above come from.
    pub rule: Option<String>,
    /// Conditions, all of which must hold: `cap:KVM_CAP_ARM_SVE`.
    pub requires: Vec<String>,
    /// First kernel release that has it.
    pub since: Option<String>,
    /// Last kernel release series that has it.
    pub until: Option<String>,
    /// First kernel release whose writes follow `write`.
    pub write_since: Option<String>,
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
    /// Index into [`Arch::phases`].
    pub phase: Option<usize>,
    /// What the value is; `None` where [`Register::layout`] says it, or nothing.
    pub content: Option<Content>,
    /// Index into [`Arch::registers`]: another name of the same id.
    pub alias_of: Option<usize>,
    /// Indices into [`Arch::registers`]: other ids that share storage.
    pub overlaps: Vec<usize>,
    /// What the kernel does that the name does not say.
    pub errata: Vec<String>,
    /// Index into [`Arch::layouts`]; of an `ulong` register for XLEN 64.
    pub layout: Option<usize>,
    /// Likewise for XLEN 32.
    pub layout32: Option<usize>,
    /// One line.
    pub doc: String,
    /// Manual section or kernel file the numbers come from.
    pub source: Option<String>,
    /// Row index in the group's file.
    pub row: usize,
}

impl Register {
    /// Rust accessor that writes it: `set_x`.
    pub fn writer(&self) -> String {
        format!("set_{}", self.accessor.trim_end_matches('_'))
    }

    /// Number of member `index`; its byte offset where a carrier holds it.
    pub fn offset(&self, index: u32) -> u64 {
        self.number.wrapping_add(self.stride.wrapping_mul(u64::from(index)))
    }
}

/// A register's name, with the index range of a family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// As written: `DBGBVR{0..15}_EL1`.
    pub text: String,
    /// Before the index.
    pub prefix: String,
    /// After the index.
    pub suffix: String,
    /// First and last index; `None` for a single register.
    pub family: Option<(u32, u32)>,
}

impl Name {
    /// How many registers the name stands for.
    pub fn count(&self) -> u32 {
        self.family.map_or(1, |(first, last)| last - first + 1)
    }

    /// Name of the member `index`, counted from 0.
    pub fn member(&self, index: u32) -> String {
        match self.family {
            Some((first, _)) => format!("{}{}{}", self.prefix, first + index, self.suffix),
            None => self.text.clone(),
        }
    }
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
    /// Width in bits on `host`.
    pub fn bits(self, host: Host) -> u32 {
        match self {
            Width::Bits(bits) => bits,
            Width::Ulong => host.xlen,
            Width::Vlenb => host.vlenb.saturating_mul(8),
        }
    }
}

impl fmt::Display for Width {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Width::Bits(bits) => write!(f, "{bits}"),
            Width::Ulong => f.write_str("ulong"),
            Width::Vlenb => f.write_str("vlenb"),
        }
    }
}

/// What symbolic widths depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Host {
    /// 32 or 64.
    pub xlen: u32,
    /// Bytes of a vector register: a power of two.
    pub vlenb: u32,
}

impl Default for Host {
    fn default() -> Self {
        Host { xlen: 64, vlenb: 16 }
    }
}

macro_rules! keyword_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub enum $name {
            $($(#[$vmeta])* $variant,)+
        }
        impl $name {
            /// Words of the grammar, with their values.
            pub const WORDS: &[(&str, $name)] = &[$(($word, $name::$variant)),+];

            /// Word of the grammar.
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }

            /// Name of the variant, in the generator and in the runtime.
            pub fn variant(self) -> &'static str {
                match self { $($name::$variant => stringify!($variant)),+ }
            }
        }
    };
}

keyword_enum! {
    /// Who may read and write a register.
    Access {
        /// Both.
        #[default]
        ReadWrite = "rw",
        /// Only KVM_GET_ONE_REG.
        ReadOnly = "ro",
        /// Only KVM_SET_ONE_REG.
        WriteOnly = "wo",
    }
}

keyword_enum! {
    /// Which writes the kernel takes.
    WriteRule {
        /// Every one.
        #[default]
        Any = "any",
        /// Only the present value.
        MustMatch = "must-match",
        /// A new value only before the first KVM_RUN.
        BeforeFirstRun = "before-first-run",
        /// None after the first KVM_RUN, not even of the present value.
        UntilFirstRun = "until-first-run",
        /// Only before KVM_ARM_VCPU_FINALIZE.
        BeforeFinalize = "before-finalize",
        /// Of 0 only while it is not 0.
        ClearOnce = "clear-once",
        /// Of a value up to that of a new vCPU.
        UpTo = "up-to",
        /// Of a value that sets no bit but those that the vCPU has.
        VcpuBits = "vcpu-bits",
    }
}

keyword_enum! {
    /// Whose register it is.
    Scope {
        /// Each vCPU has its own.
        #[default]
        Vcpu = "vcpu",
        /// One for the VM: a write reaches every vCPU.
        Vm = "vm",
    }
}

keyword_enum! {
    /// Which ioctl lists a register.
    Listed {
        /// KVM_GET_REG_LIST.
        #[default]
        RegList = "reg-list",
        /// KVM_GET_MSR_INDEX_LIST.
        MsrList = "msr-list",
        /// KVM_GET_MSR_FEATURE_INDEX_LIST.
        FeatureList = "feature-list",
        /// None.
        Never = "never",
    }
}

keyword_enum! {
    /// Class of state, for save and restore.
    Class {
        /// Saved and restored.
        #[default]
        State = "state",
        /// Says who the CPU is.
        Identity = "identity",
        /// Follows from other registers.
        Derived = "derived",
        /// Changes by itself.
        Volatile = "volatile",
        /// Takes one write.
        WriteOnce = "write-once",
        /// Belongs to the VM.
        VmWide = "vm-wide",
        /// Written before the vCPU is finalized.
        PreFinalize = "pre-finalize",
    }
}

keyword_enum! {
    /// What the value of a register without described fields is.
    Content {
        /// One value as a whole: a number, an address, a vector.
        #[default]
        Value = "value",
        /// Bits that each implementation has its own way.
        ImplementationDefined = "implementation-defined",
        /// A structure that something else describes.
        Opaque = "opaque",
    }
}

/// Bit layout of a register.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Name: a shared layout's, or the constant of the row that describes it.
    pub name: String,
    /// Rust type: `SctlrEl1`.
    pub rust: String,
    /// Width in bits: 8 to 64, or 128.
    pub width: u32,
    /// Fields, most significant first; reserved bits included.
    pub fields: Vec<Field>,
    /// Whether it stands under `layouts:`.
    pub shared: bool,
    /// One line.
    pub doc: String,
    /// Manual section or kernel file.
    pub source: Option<String>,
}

impl Layout {
    /// Rust type of an enumerated field: `PstateM`.
    pub fn enum_type(&self, field: &Field) -> String {
        format!("{}{}", self.rust, names::type_name(&names::constant(&field.name, "")))
    }
}

/// A field of a layout.
#[derive(Debug, Clone)]
pub struct Field {
    /// Name, in the manual's spelling.
    pub name: String,
    /// Rust getter: `m`; empty for reserved bits.
    pub rust: String,
    /// Pieces, most significant first: more than one for a split field.
    pub pieces: Vec<Piece>,
    /// Kind.
    pub kind: FieldKind,
    /// Named values; empty but for [`FieldKind::Enum`].
    pub values: Vec<EnumValue>,
    /// Where it differs from the register's.
    pub access: Option<Access>,
    /// Which values a vCPU takes in place of its own.
    pub safe: Safe,
    /// What others call the same bits: the kernel's macro, `EFER_NX`.
    pub also: Vec<String>,
    /// One line.
    pub doc: String,
}

impl Field {
    /// Rust builder: `with_m`.
    pub fn builder(&self) -> String {
        format!("with_{}", self.rust.trim_end_matches('_'))
    }

    /// Width in bits of all pieces together.
    pub fn width(&self) -> u32 {
        self.pieces.iter().fold(0, |width, piece| width.saturating_add(piece.width()))
    }
}

/// A run of bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Most significant bit.
    pub msb: u32,
    /// Least significant bit.
    pub lsb: u32,
}

impl Piece {
    /// Width in bits.
    pub fn width(self) -> u32 {
        self.msb - self.lsb + 1
    }
}

keyword_enum! {
    /// Kind of a field.
    FieldKind {
        /// One bit.
        Bool = "bool",
        /// Unsigned number.
        #[default]
        Uint = "uint",
        /// Two's complement number.
        Int = "int",
        /// Number with named values.
        Enum = "enum",
        /// Reserved, zero.
        Res0 = "res0",
        /// Reserved, one.
        Res1 = "res1",
        /// Reads as zero.
        Raz = "raz",
        /// Unknown.
        Unkn = "unkn",
    }
}

impl FieldKind {
    /// Whether the bits are reserved.
    pub fn is_reserved(self) -> bool {
        matches!(self, FieldKind::Res0 | FieldKind::Res1 | FieldKind::Raz | FieldKind::Unkn)
    }
}

keyword_enum! {
    /// Which values of a field a vCPU takes in place of its own, where the register says who the vCPU is.
    Safe {
        /// A lower one.
        #[default]
        Lower = "lower",
        /// A lower one in two's complement.
        Signed = "signed",
        /// A higher one.
        Higher = "higher",
        /// A higher one, or 0.
        HigherOrZero = "higher-or-zero",
        /// The one called NI; none where there is none.
        NotImplemented = "ni",
    }
}

/// A named value of an enumerated field.
#[derive(Debug, Clone)]
pub struct EnumValue {
    /// Name, in the manual's spelling.
    pub name: String,
    /// Rust constant.
    pub constant: String,
    /// Value.
    pub value: u64,
}

/// Bits of the widest register that an id can name.
pub const MAX_WIDTH: u32 = 65536;

/// Bits 55..52 of an id.
pub const SIZE_SHIFT: u32 = 52;
/// Mask of the size bits of an id.
pub const SIZE_MASK: u64 = 0xf << SIZE_SHIFT;
/// Bits 63..56 of an id.
pub const CODE_SHIFT: u32 = 56;

impl Arch {
    /// Rust type that marks its registers: `Arm64`.
    pub fn marker(&self) -> String {
        names::type_name(&names::constant(&self.name, ""))
    }

    /// Whether this is a register space of KVM's.
    pub fn is_kvm(&self) -> bool {
        self.code.is_some()
    }

    /// Id of member `index` of `register` without its size bits; the address in a plain space.
    pub fn id_body(&self, register: &Register, index: u32) -> u64 {
        let code = u64::from(self.code.unwrap_or(0)) << CODE_SHIFT;
        code | self.groups[register.group].base.wrapping_add(register.offset(index))
    }

    /// Id of member `index` of `register` on `host`; `None` where another ioctl carries it.
    ///
    /// In a plain space this is the address.
    pub fn id(&self, register: &Register, index: u32, host: Host) -> Option<u64> {
        if register.via.is_some() {
            return None;
        }
        let size = if self.is_kvm() { size_bits(register.width.bits(host)) } else { 0 };
        Some(self.id_body(register, index) | size)
    }

    /// Whether `register` exists on `host`.
    pub fn exists(&self, register: &Register, host: Host) -> bool {
        register.xlen.is_none_or(|xlen| xlen == host.xlen)
    }

    /// Layout of `register` on `host`.
    pub fn layout(&self, register: &Register, host: Host) -> Option<&Layout> {
        let layout = match register.width {
            Width::Ulong if host.xlen == 32 => register.layout32,
            _ => register.layout,
        };
        layout.map(|index| &self.layouts[index])
    }
}

/// Size bits of an id whose register has `bits` bits.
pub fn size_bits(bits: u32) -> u64 {
    u64::from((bits / 8).max(1).ilog2()) << SIZE_SHIFT
}
