//! What the bits of an id are.

use crate::model::{Group, Piece, SIZE_SHIFT};

/// Lists the runs of bits below the size bits of a group's ids, most significant first: with the name of a part of the
/// number, or without a name where all ids have the bits of the group's base.
pub fn number_pieces(group: &Group) -> Vec<(Piece, Option<&str>)> {
    let name = |bit: u32| {
        let part =
            group.parts.iter().find(|part| (part.lsb.into()..=part.msb.into()).contains(&bit));
        let plain = (group.parts.is_empty() && group.mask >> bit & 1 == 1).then_some("number");
        part.map(|part| part.name.as_str()).or(plain)
    };
    let mut pieces: Vec<(Piece, Option<&str>)> = Vec::new();
    for bit in (0..SIZE_SHIFT).rev() {
        match pieces.last_mut() {
            Some((piece, same)) if *same == name(bit) => piece.lsb = bit,
            _ => pieces.push((Piece { msb: bit, lsb: bit }, name(bit))),
        }
    }
    pieces
}
