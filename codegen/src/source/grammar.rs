//! The keys of the grammar, in order: what the walker accepts, the JSON Schema describes and the formatter writes.

use crate::model::{Access, Class, Content, FieldKind, Listed, Safe, Scope, WriteRule};

/// A key of a mapping.
#[cfg_attr(
    not(feature = "cli"),
    expect(dead_code, reason = "only the schema and the formatter read all of it")
)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    /// Whether it is an attribute, which `defaults:` may have too.
    has_default: bool,
    pub(crate) shape: Shape,
    pub(crate) doc: &'static str,
}

/// What the value of a key looks like.
#[cfg_attr(
    not(feature = "cli"),
    expect(dead_code, reason = "only the schema and the formatter read all of it")
)]
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// A sentence.
    Text,
    /// Name of a phase, a layout, a file: one that stands elsewhere.
    Word,
    /// Such a name, or a list of them.
    WordList,
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
    /// Condition, or a list of conditions.
    Conditions,
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
    Key { name, required: true, has_default: false, shape, doc }
}

const fn optional(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, required: false, has_default: false, shape, doc }
}

/// A key that `defaults:` may have too.
const fn attribute(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, required: false, has_default: true, shape, doc }
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
    optional("phases", Shape::WordList, "Restore phases, in order"),
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
    required("struct", Shape::Word, "Name of the uapi struct"),
    required("size", Shape::Number, "Its size in bytes"),
    required("get", Shape::Word, "Name of the reading ioctl"),
    required("get_nr", Shape::Number, "Its number within the KVM family"),
    optional("set", Shape::Word, "Name of the writing ioctl"),
    optional("set_nr", Shape::Number, "Its number within the KVM family"),
    optional(
        "block",
        Shape::Word,
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
    required("file", Shape::Word, "File with the group's rows, beside arch.yaml"),
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
    optional("also", Shape::WordList, "What others call the same bits: the kernel's macro"),
    optional("doc", Shape::Text, "One line"),
];

/// Keys of a row.
pub(crate) const ROW: &[Key] = &[
    required("name", Shape::Name, "Name in the manual's spelling; \"X{0..30}\" is a family"),
    required("width", Shape::Width, "Width in bits, or ulong, or vlenb"),
    required(
        "number",
        Shape::NumberOrParts,
        "Number in the group; byte offset with via; of a family the first member's",
    ),
    optional("stride", Shape::Number, "Distance between two members of a family"),
    attribute("xlen", Shape::Number, "Only for hosts of this XLEN: 32 or 64"),
    optional("slices", Shape::Number, "How many slices the low bits of the id select"),
    optional(
        "encoding",
        Shape::NumberOrParts,
        "Architectural encoding, where the id carries another one",
    ),
    attribute("via", Shape::Word, "Carrier that holds it instead of an id"),
    attribute("access", words!(Access), "Who may read and write it"),
    attribute("write", words!(WriteRule), "Which writes the kernel takes"),
    attribute(
        "write_since",
        Shape::Version,
        "First kernel release whose writes follow `write`; older ones take every one",
    ),
    attribute("rule", Shape::Text, "Kernel file, and function, that access or write come from"),
    attribute(
        "requires",
        Shape::Conditions,
        "Conditions \"KIND:NAME\", \"KIND:A|B\" or \"KIND:!A\", also \"KIND:NAME@6.13\" and \"KIND:NAME@..6.17\", all of which must hold",
    ),
    attribute("since", Shape::Version, "First kernel release that has it"),
    attribute("until", Shape::Version, "Last kernel release series that has it"),
    attribute("scope", words!(Scope), "Whose register it is"),
    attribute("listed", words!(Listed), "Which ioctl lists it"),
    attribute("hidden", Shape::Flag, "In the kernel's table, but on no vCPU"),
    attribute("class", words!(Class), "Class of state, for save and restore"),
    attribute("phase", Shape::Word, "Restore phase"),
    attribute("content", words!(Content), "What the value is, where it has no fields"),
    optional("alias_of", Shape::Word, "Register with the same id"),
    optional("overlaps", Shape::WordList, "Registers with other ids that share storage"),
    attribute("errata", Shape::Texts, "What the kernel does that the name does not say"),
    optional("layout", Shape::Word, "Shared layout; of an ulong register that of XLEN 64"),
    optional("layout32", Shape::Word, "Shared layout of an ulong register for XLEN 32"),
    optional("doc", Shape::Text, "One line"),
    attribute("source", Shape::Text, "Manual section or kernel file the numbers come from"),
    optional("fields", Shape::Fields, "Fields, most significant first"),
];

/// Keys of `defaults:`.
pub(crate) const DEFAULTS: &[Key] = &defaults::<{ defaults_of_rows() }>();

/// How many keys of a row may have a default.
const fn defaults_of_rows() -> usize {
    let (mut index, mut count) = (0, 0);
    while index < ROW.len() {
        count += ROW[index].has_default as usize;
        index += 1;
    }
    count
}

const fn defaults<const N: usize>() -> [Key; N] {
    let mut keys = [ROW[0]; N];
    let (mut index, mut count) = (0, 0);
    while index < ROW.len() {
        if ROW[index].has_default {
            keys[count] = ROW[index];
            count += 1;
        }
        index += 1;
    }
    keys
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
