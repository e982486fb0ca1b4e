//! What the bits of a value say, field by field.

use std::cmp::Reverse;

use crate::model::{Field, FieldKind, Layout, Piece};

/// A piece of a field, with its bits in a value.
#[derive(Debug, Clone)]
pub struct FieldValue<'a> {
    /// The field.
    pub field: &'a Field,
    /// The piece.
    pub piece: Piece,
    /// The piece's bits.
    pub bits: u128,
    /// What the whole field says: the name of its value, a decimal number for one bit or a signed field, else hex.
    pub text: String,
}

impl FieldValue<'_> {
    /// Returns whether the piece is reserved and its bits are not what they should be.
    pub fn is_wrong(&self) -> bool {
        match self.field.kind {
            FieldKind::Res0 | FieldKind::Raz => self.bits != 0,
            FieldKind::Res1 => self.bits != mask(self.piece.width()),
            _ => false,
        }
    }
}

/// Takes `value` apart, most significant bits first; a split field gives one entry per piece.
pub fn field_values(layout: &Layout, value: u128) -> Vec<FieldValue<'_>> {
    pieces(layout).into_iter().map(|(field, piece)| field_value(field, piece, value)).collect()
}

/// Lists the pieces of all fields, most significant bits first.
pub fn pieces(layout: &Layout) -> Vec<(&Field, Piece)> {
    let mut pieces = Vec::with_capacity(layout.fields.len());
    for field in &layout.fields {
        pieces.extend(field.pieces.iter().map(|piece| (field, *piece)));
    }
    pieces.sort_by_key(|(_, piece)| Reverse(piece.msb));
    pieces
}

fn field_value(field: &Field, piece: Piece, value: u128) -> FieldValue<'_> {
    // Reserved bits in several places are not one number.
    let meant = if field.kind.is_reserved() { &[piece][..] } else { &field.pieces };
    FieldValue { field, piece, bits: bits(piece, value), text: text(field, meant, value) }
}

/// The bits of `piece` in `value`.
fn bits(piece: Piece, value: u128) -> u128 {
    value.checked_shr(piece.lsb).unwrap_or(0) & mask(piece.width())
}

/// The bits of all `pieces` in `value`, joined.
fn join(pieces: &[Piece], value: u128) -> u128 {
    let append = |joined: u128, piece: &Piece| {
        joined.checked_shl(piece.width()).unwrap_or(0) | bits(*piece, value)
    };
    pieces.iter().fold(0, append)
}

fn mask(width: u32) -> u128 {
    u128::MAX.checked_shr(128u32.saturating_sub(width)).unwrap_or(0)
}

fn text(field: &Field, pieces: &[Piece], value: u128) -> String {
    let value = join(pieces, value);
    if let Some(named) = field.values.iter().find(|named| u128::from(named.value) == value) {
        return named.name.clone();
    }
    let width = pieces.iter().map(|piece| piece.width()).sum();
    match field.kind {
        FieldKind::Int => signed(value, width).to_string(),
        FieldKind::Enum => format!("{value:#x} (no name)"),
        FieldKind::Res0 | FieldKind::Raz if value != 0 => format!("{value:#x} (should be 0)"),
        FieldKind::Res1 if value != mask(width) => {
            format!("{value:#x} (should be {:#x})", mask(width))
        }
        _ if width == 1 => value.to_string(),
        _ => format!("{value:#x}"),
    }
}

/// The two's complement number in the lowest `width` bits of `value`.
fn signed(value: u128, width: u32) -> i128 {
    let unused = 128u32.saturating_sub(width).min(127);
    (value << unused).cast_signed() >> unused
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EnumValue, Safe};

    fn field(kind: FieldKind, pieces: &[(u32, u32)]) -> Field {
        let pieces = pieces.iter().map(|&(msb, lsb)| Piece { msb, lsb }).collect();
        Field {
            name: "F".to_owned(),
            rust: "f".to_owned(),
            pieces,
            kind,
            values: Vec::new(),
            access: None,
            safe: Safe::default(),
            also: Vec::new(),
            doc: String::new(),
        }
    }

    fn texts(field: Field, value: u128) -> Vec<(u128, String)> {
        let layout = Layout {
            name: "L".to_owned(),
            rust: "L".to_owned(),
            width: 64,
            fields: vec![field],
            shared: false,
            doc: String::new(),
            source: None,
        };
        field_values(&layout, value).into_iter().map(|value| (value.bits, value.text)).collect()
    }

    #[test]
    fn every_kind_has_its_text() {
        let cases = [
            (FieldKind::Bool, (3, 3), 0b1000, 1, "1"),
            (FieldKind::Uint, (7, 4), 0xa5, 0xa, "0xa"),
            (FieldKind::Int, (7, 4), 0xf5, 0xf, "-1"),
            (FieldKind::Int, (127, 0), u128::MAX, u128::MAX, "-1"),
            (FieldKind::Enum, (1, 0), 2, 2, "0x2 (no name)"),
            (FieldKind::Res0, (1, 0), 0, 0, "0x0"),
            (FieldKind::Res0, (1, 0), 2, 2, "0x2 (should be 0)"),
            (FieldKind::Res1, (1, 0), 3, 3, "0x3"),
            (FieldKind::Res1, (1, 0), 2, 2, "0x2 (should be 0x3)"),
            (FieldKind::Uint, (127, 0), u128::MAX, u128::MAX, "0xffffffffffffffffffffffffffffffff"),
        ];
        for (kind, bits, value, piece, text) in cases {
            assert_eq!(
                texts(field(kind, &[bits]), value),
                [(piece, text.to_owned())],
                "{kind:?} {bits:?}"
            );
        }
    }

    #[test]
    fn a_named_value_says_its_name() {
        let mut field = field(FieldKind::Enum, &[(3, 0)]);
        field.values.push(EnumValue {
            name: "EL1h".to_owned(),
            constant: "EL1H".to_owned(),
            value: 5,
        });
        assert_eq!(texts(field, 0xf5), [(5, "EL1h".to_owned())]);
    }

    #[test]
    fn reserved_bits_in_two_places_are_two_numbers() {
        let values = texts(field(FieldKind::Res0, &[(39, 32), (7, 0)]), 0x34);
        assert_eq!(values, [(0, "0x0".to_owned()), (0x34, "0x34 (should be 0)".to_owned())]);
    }

    #[test]
    fn a_split_field_has_its_own_bits_per_piece_and_one_text() {
        let values = texts(field(FieldKind::Uint, &[(39, 32), (7, 0)]), 0x12_0000_0034);
        assert_eq!(values, [(0x12, "0x1234".to_owned()), (0x34, "0x1234".to_owned())]);
    }
}
