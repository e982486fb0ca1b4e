//! No two fields, and no two pieces of a field, share a bit.

use crate::diagnostics::Finding;
use crate::lower::Lowered;
use crate::model::Piece;

pub(super) fn check(lowered: &Lowered, findings: &mut Vec<Finding>) {
    for (layout, origin) in lowered.model.layouts.iter().zip(&lowered.layouts) {
        let mut pieces: Vec<(Piece, usize)> = Vec::new();
        for (index, field) in layout.fields.iter().enumerate() {
            pieces.extend(field.pieces.iter().map(|piece| (*piece, index)));
        }
        pieces.sort_unstable_by_key(|(piece, index)| (piece.lsb, *index));
        let mut highest: Option<(Piece, usize)> = None;
        for (piece, index) in pieces {
            if let Some((below, other)) = highest.filter(|(below, _)| piece.lsb <= below.msb) {
                let (first, second) = (index.min(other), index.max(other));
                let bits = bits(piece.lsb, piece.msb.min(below.msb));
                let names = (&layout.fields[first].name, &layout.fields[second].name);
                let message = match first == second {
                    true => format!("{bits} of field `{}` twice", names.0),
                    false => format!("fields `{}` and `{}` both have {bits}", names.0, names.1),
                };
                let finding = Finding::new("E0303", origin.field(second), message)
                    .help("give every bit to one field");
                findings.push(match first == second {
                    true => finding,
                    false => finding.label("the second").related(origin.field(first), "the first"),
                });
            }
            if highest.is_none_or(|(below, _)| piece.msb > below.msb) {
                highest = Some((piece, index));
            }
        }
    }
}

fn bits(lsb: u32, msb: u32) -> String {
    if lsb == msb { format!("bit {lsb}") } else { format!("bits {msb}..{lsb}") }
}
