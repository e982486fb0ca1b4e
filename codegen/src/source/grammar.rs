//! The keys of the grammar: what the walker accepts and the JSON Schema describes.

use crate::model::{Access, Class, Content, FieldKind, Listed, Safe, Scope, WriteRule};

/// A key of a mapping.
#[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "only the schema reads all of it"))]
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    pub(crate) shape: Shape,
    pub(crate) doc: &'static str,
}

/// What the value of a key looks like.
#[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "only the schema reads all of it"))]
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    Text,
    /// Register name, or `"X{0..30}"`.
    Name,
    Number,
    /// Number, or a mapping of the group's parts.
    NumberOrParts,
    /// Number, `ulong` or `vlenb`.
    Width,
    Flag,
    /// `true`, `false` or a version.
    Support,
    /// `"6.18"`.
    Version,
    /// Text, or a list of texts.
    Texts,
    /// Range of bits: `"15..0"`, or a mapping from part names to ranges.
    Parts,
    /// Bit, range or list.
    Bits,
    Words(&'static [&'static str]),
    /// Mapping with these keys.
    Map(&'static [Key]),
    /// Mapping from names to mappings with these keys.
    MapOf(&'static [Key]),
    /// List of mappings with these keys.
    ListOf(&'static [Key]),
    /// Mapping from names to texts.
    TextMap,
    /// Mapping from names to numbers.
    NumberMap,
    /// Mapping from field names to fields.
    Fields,
}

macro_rules! words {
    ($type:ident) => {{
        const WORDS: [&str; $type::WORDS.len()] = {
            let mut words = [""; $type::WORDS.len()];
            let mut index = 0;
            while index < words.len() {
                words[index] = $type::WORDS[index].0;
                index += 1;
            }
            words
        };
        Shape::Words(&WORDS)
    }};
}

const fn required(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, required: true, shape, doc }
}

const fn optional(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, required: false, shape, doc }
}

/// Keys of `arch.yaml`.
pub(crate) const ARCH: &[Key] = &[
    required("arch", Shape::Name, "Name of the architecture, as the kernel's"),
    optional(
        "space",
        Shape::Words(&["kvm", "plain"]),
        "Whose ids these are: KVM's (default), or plain addresses",
    ),
    optional("code", Shape::Number, "Bits 63..56 of every id"),
    optional("kernel", Shape::Version, "Newest kernel that the table was checked against"),
    required("doc", Shape::Text, "One line"),
    optional(
        "macros",
        Shape::Name,
        "PPC where the kernel's uapi header has a macro KVM_REG_PPC_NAME for each register",
    ),
    optional("verified", Shape::Text, "How the ids were proven"),
    optional(
        "one_reg",
        Shape::Support,
        "Whether, or from which kernel on, KVM_GET/SET_ONE_REG are offered",
    ),
    optional(
        "reg_list",
        Shape::Support,
        "Whether, or from which kernel on, KVM_GET_REG_LIST is offered",
    ),
    optional("phases", Shape::Texts, "Restore phases, in order"),
    optional("errors", Shape::TextMap, "Meaning of each errno of the two ioctls"),
    optional(
        "defaults",
        Shape::Map(DEFAULTS),
        "Attributes that hold where neither group nor row says otherwise",
    ),
    optional("carriers", Shape::MapOf(CARRIER), "Other ioctls whose structs hold registers"),
    required("groups", Shape::MapOf(GROUP), "Register groups"),
];

/// Keys of a carrier.
pub(crate) const CARRIER: &[Key] = &[
    required("struct", Shape::Text, "Name of the uapi struct"),
    required("size", Shape::Number, "Its size in bytes"),
    required("get", Shape::Text, "Name of the reading ioctl"),
    required("get_nr", Shape::Number, "Its number within the KVM family"),
    optional("set", Shape::Text, "Name of the writing ioctl"),
    optional("set_nr", Shape::Number, "Its number within the KVM family"),
    optional(
        "block",
        Shape::Text,
        "Phase of the struct as one opaque block, as large as the vCPU has it",
    ),
    optional("scope", words!(Scope), "Whose ioctls they are, and its registers"),
    optional(
        "count",
        Shape::Number,
        "Byte offset of the 32-bit number that is 0 where the vCPU has none of the registers",
    ),
    optional("doc", Shape::Text, "One line"),
];

/// Keys of a group in `arch.yaml`.
pub(crate) const GROUP: &[Key] = &[
    required("file", Shape::Text, "File with the group's rows, beside arch.yaml"),
    optional("base", Shape::Number, "Bits that every id of the group has"),
    optional("number", Shape::Parts, "Bits that a row's number may use: a range, or named parts"),
    optional(
        "defaults",
        Shape::Map(DEFAULTS),
        "Attributes that hold where a row does not say otherwise",
    ),
    required("doc", Shape::Text, "One line"),
];

/// Keys of a group's file.
pub(crate) const FILE: &[Key] = &[
    optional("layouts", Shape::MapOf(LAYOUT), "Layouts that several rows share"),
    required("registers", Shape::ListOf(ROW), "Rows: registers and families of registers"),
];

/// Keys of a shared layout.
pub(crate) const LAYOUT: &[Key] = &[
    required("width", Shape::Number, "Width in bits"),
    optional("doc", Shape::Text, "One line"),
    optional("source", Shape::Text, "Manual section or kernel file"),
    required("fields", Shape::Fields, "Fields, most significant first"),
];

/// Keys of a field in its long form.
pub(crate) const FIELD: &[Key] = &[
    required("bits", Shape::Bits, "Bit, range, or list of them for a split field"),
    optional(
        "kind",
        words!(FieldKind),
        "Kind; bool for one bit, uint for more, enum where values are named",
    ),
    optional("enum", Shape::NumberMap, "Named values"),
    optional("access", words!(Access), "Access, where it differs from the register's"),
    optional(
        "safe",
        words!(Safe),
        "Which values a vCPU takes in place of its own, where the register says who it is",
    ),
    optional("doc", Shape::Text, "One line"),
];

macro_rules! row_keys {
    ($($own:expr,)* ; $($attribute:expr,)*) => {
        /// Keys of a row.
        pub(crate) const ROW: &[Key] = &[$($own,)* $($attribute,)*];
        /// Keys of `defaults:`.
        pub(crate) const DEFAULTS: &[Key] = &[$($attribute,)*];
    };
}

row_keys! {
    required("name", Shape::Name, "Name in the manual's spelling; \"X{0..30}\" is a family"),
    required("width", Shape::Width, "Width in bits, or ulong, or vlenb"),
    required("number", Shape::NumberOrParts, "Number in the group; byte offset with via; of a family the first member's"),
    optional("stride", Shape::Number, "Distance between two members of a family"),
    optional("slices", Shape::Number, "How many slices the low bits of the id select"),
    optional("encoding", Shape::NumberOrParts, "Architectural encoding, where the id carries another one"),
    optional("alias_of", Shape::Text, "Register with the same id"),
    optional("overlaps", Shape::Texts, "Registers with other ids that share storage"),
    optional("layout", Shape::Text, "Shared layout; of an ulong register that of XLEN 64"),
    optional("layout32", Shape::Text, "Shared layout of an ulong register for XLEN 32"),
    optional("fields", Shape::Fields, "Fields, most significant first"),
    optional("doc", Shape::Text, "One line"),
    ;
    optional("access", words!(Access), "Who may read and write it"),
    optional("write", words!(WriteRule), "Which writes the kernel takes"),
    optional("rule", Shape::Text, "Kernel file, and function, that access or write come from"),
    optional("requires", Shape::Texts, "Conditions \"KIND:NAME\", \"KIND:A|B\" or \"KIND:!A\", also \"KIND:NAME@6.13\", all of which must hold"),
    optional("since", Shape::Version, "First kernel release that has it"),
    optional("write_since", Shape::Version, "First kernel release whose writes follow `write`; older ones take every one"),
    optional("until", Shape::Version, "Last kernel release series that has it"),
    optional("xlen", Shape::Number, "Only for hosts of this XLEN: 32 or 64"),
    optional("scope", words!(Scope), "Whose register it is"),
    optional("listed", words!(Listed), "Which ioctl lists it"),
    optional("hidden", Shape::Flag, "In the kernel's table, but on no vCPU"),
    optional("class", words!(Class), "Class of state, for save and restore"),
    optional("phase", Shape::Text, "Restore phase"),
    optional("content", words!(Content), "What the value is, where it has no fields"),
    optional("errata", Shape::Texts, "What the kernel does that the name does not say"),
    optional("via", Shape::Text, "Carrier that holds it instead of an id"),
    optional("source", Shape::Text, "Manual section or kernel file the numbers come from"),
}

/// Kinds of conditions in `requires`.
pub(crate) const CONDITIONS: &[&str] =
    &["cap", "feature", "isa", "sbi", "cpuid", "id", "host", "device", "backend", "config"];

/// Errnos that the ioctls of this field return, with their numbers on every Linux architecture.
pub(crate) const ERRNOS: &[(&str, i32)] = &[
    ("EPERM", 1),
    ("ENOENT", 2),
    ("EIO", 5),
    ("ENXIO", 6),
    ("E2BIG", 7),
    ("ENOEXEC", 8),
    ("ENOMEM", 12),
    ("EFAULT", 14),
    ("EBUSY", 16),
    ("ENODEV", 19),
    ("EINVAL", 22),
    ("ENOTTY", 25),
];

/// Reserved field names, with the kind each stands for.
pub(crate) const RESERVED: &[(&str, FieldKind)] = &[
    ("RES0", FieldKind::Res0),
    ("RES1", FieldKind::Res1),
    ("RAZ", FieldKind::Raz),
    ("UNKN", FieldKind::Unkn),
];
