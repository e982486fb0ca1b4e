//! Reads bit layouts.

use super::grammar::{FIELD, LAYOUT, RESERVED};
use super::node::Node;
use super::walk::{At, Walker};
use crate::diagnostics::{Finding, Place};
use crate::model::{Access, EnumValue, Field, FieldKind, MAX_WIDTH, Piece, Safe};
use crate::names;

/// A shared layout as written.
#[derive(Debug)]
pub(crate) struct RawLayout {
    /// Name under `layouts:`.
    pub(crate) name: String,
    /// Width in bits.
    pub(crate) width: Option<u32>,
    pub(crate) doc: String,
    pub(crate) source: Option<String>,
    pub(crate) fields: RawFields,
    /// Where the layout stands.
    pub(crate) place: Place,
}

/// Fields as written.
#[derive(Debug, Default)]
pub(crate) struct RawFields {
    pub(crate) fields: Vec<Field>,
    /// Per field: its position in the mapping.
    pub(crate) positions: Vec<usize>,
    /// Whether every field could be read.
    pub(crate) complete: bool,
}

impl Walker<'_> {
    /// Reads a layout under `layouts:`.
    pub(super) fn layout(&mut self, name: String, node: Node, at: &At<'_>) -> RawLayout {
        self.is_name("a layout", &name, || at.place().into_key());
        let mut layout = RawLayout {
            name,
            width: None,
            doc: String::new(),
            source: None,
            fields: RawFields::default(),
            place: at.place(),
        };
        self.keys(node, at, LAYOUT, |walker, key, value, at| match key {
            "width" => layout.width = walker.small(value, at, MAX_WIDTH),
            "doc" => layout.doc = walker.text(value, at).unwrap_or_default(),
            "source" => layout.source = walker.text(value, at),
            _ => layout.fields = walker.fields(value, at),
        });
        layout
    }

    /// Reads the fields of a layout.
    pub(super) fn fields(&mut self, node: Node, at: &At<'_>) -> RawFields {
        let before = self.findings.len();
        let mut read = RawFields::default();
        self.names(node, at, |walker, name, value, at| {
            if let (At::Entry(_, position), Some(field)) = (at, walker.field(name, value, at)) {
                read.fields.push(field);
                read.positions.push(*position);
            }
        });
        read.complete = self.findings.len() == before;
        read
    }

    fn field(&mut self, name: String, node: Node, at: &At<'_>) -> Option<Field> {
        if !self.is_name("a field", &name, || at.place().into_key()) {
            return None;
        }
        let reserved =
            RESERVED.iter().find(|(reserved, _)| *reserved == name).map(|(_, kind)| *kind);
        let mut kind = reserved;
        let mut pieces = None;
        let mut values = None;
        let mut access = None;
        let mut safe = Safe::default();
        let mut also = Vec::new();
        let mut doc = String::new();
        match node {
            Node::Map(_) => {
                self.keys(node, at, FIELD, |walker, key, value, at| match key {
                    "bits" => pieces = walker.bits(value, at),
                    "kind" => kind = walker.word(value, at, FieldKind::WORDS).or(kind),
                    "enum" => values = Some(walker.values(value, at)),
                    "access" => access = walker.word(value, at, Access::WORDS),
                    "safe" => safe = walker.word(value, at, Safe::WORDS).unwrap_or_default(),
                    "also" => also = walker.texts(value, at).unwrap_or_default(),
                    _ => doc = walker.text(value, at).unwrap_or_default(),
                });
            }
            other => pieces = self.bits(other, at),
        }
        let pieces = pieces?;
        let width: u32 = pieces.iter().map(|piece| piece.width()).sum();
        let implied = match &values {
            Some(_) => FieldKind::Enum,
            None if width == 1 => FieldKind::Bool,
            None => FieldKind::Uint,
        };
        let kind = kind.unwrap_or(implied);
        match reserved {
            Some(reserved) if kind != reserved => self.report(misnamed(&name, reserved, kind, at)),
            _ => self.kind_fits(&name, kind, width, values.is_some(), at),
        }
        let rust = if kind.is_reserved() {
            String::new()
        } else {
            names::method(&names::constant(&name, ""))
        };
        let values = values.unwrap_or_default();
        Some(Field { name, rust, pieces, kind, values, access, safe, also, doc })
    }

    fn kind_fits(&mut self, name: &str, kind: FieldKind, width: u32, named: bool, at: &At<'_>) {
        let (problem, help) = match kind {
            FieldKind::Bool if width != 1 => (
                format!("field `{name}` is a bool of {width} bits"),
                "give it one bit, or a `uint`",
            ),
            FieldKind::Enum if !named => (
                format!("field `{name}` is an enum without values"),
                "name them: `enum: {NAME: value}`",
            ),
            FieldKind::Enum if width > 64 => {
                (format!("field `{name}` is an enum of {width} bits"), "at most 64 bits")
            }
            kind if named && kind != FieldKind::Enum => (
                format!("field `{name}` names values, but its kind is `{}`", kind.word()),
                "take out `kind`, or `enum`",
            ),
            _ => return,
        };
        self.report(Finding::new("E0310", at.place(), problem).help(help));
    }

    /// Reads a bit, a range, or a list of both.
    pub(super) fn bits(&mut self, node: Node, at: &At<'_>) -> Option<Vec<Piece>> {
        match node {
            Node::List(items) if !items.is_empty() => {
                let count = items.len();
                let read = |(index, item)| self.piece(item, &at.item(index));
                let pieces: Vec<_> = items.into_iter().enumerate().filter_map(read).collect();
                (pieces.len() == count).then_some(pieces)
            }
            Node::List(_) => {
                self.not_bits(at, "an empty list");
                None
            }
            other => self.piece(other, at).map(|piece| vec![piece]),
        }
    }

    /// Reads a bit or a range.
    pub(super) fn piece(&mut self, node: Node, at: &At<'_>) -> Option<Piece> {
        match node {
            Node::Int(_) => {
                let bit = self.small(node, at, MAX_WIDTH - 1)?;
                Some(Piece { msb: bit, lsb: bit })
            }
            Node::Text(text) => self.range(&text, at),
            other => {
                self.not_bits(at, other.kind());
                None
            }
        }
    }

    fn not_bits(&mut self, at: &At<'_>, found: &str) {
        let message = format!("expected a bit or a range, found {found}");
        let finding = Finding::new("E0104", at.place(), message);
        self.report(finding.help("write `31`, \"3..0\", or a list of them"));
    }

    /// Reads `msb..lsb`.
    pub(super) fn range(&mut self, text: &str, at: &At<'_>) -> Option<Piece> {
        let bounds = text.split_once("..").and_then(|(msb, lsb)| Some((bit(msb)?, bit(lsb)?)));
        let Some((msb, lsb)) = bounds else {
            let finding =
                Finding::new("E0104", at.place(), format!("`{text}` is not a range of bits"));
            self.report(finding.help("write the most significant bit first: \"3..0\""));
            return None;
        };
        if msb < lsb {
            let finding = Finding::new("E0302", at.place(), format!("range `{text}` is reversed"));
            self.report(
                finding.help(format!("write the most significant bit first: \"{lsb}..{msb}\"")),
            );
            return None;
        }
        Some(Piece { msb, lsb })
    }

    fn values(&mut self, node: Node, at: &At<'_>) -> Vec<EnumValue> {
        let mut values = Vec::new();
        self.names(node, at, |walker, name, value, at| {
            if !walker.is_name("a value", &name, || at.place().into_key()) {
                return;
            }
            if let Some(value) = walker.number(value, at) {
                let constant = names::constant(&name, "");
                values.push(EnumValue { name, constant, value });
            }
        });
        values
    }
}

/// A field with the name of reserved bits and another kind.
fn misnamed(name: &str, reserved: FieldKind, kind: FieldKind, at: &At<'_>) -> Finding {
    let (reserved, kind) = (reserved.word(), kind.word());
    let message = format!("`{name}` stands for `{reserved}` bits, but its kind is `{kind}`");
    Finding::new("E0310", at.place(), message).help("take out the kind, or rename the field")
}

fn bit(text: &str) -> Option<u32> {
    let text = text.trim();
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|bit| plain && *bit < MAX_WIDTH)
}
