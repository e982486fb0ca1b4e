//! What the bits of an id are.

use crate::model::{Arch, CODE_SHIFT, Group, Piece, SIZE_SHIFT};

/// What a run of bits of an id is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdBits<'a> {
    /// What this part of the id says.
    Named(&'a str),
    /// The digits that all ids of the group have, a letter each.
    Fixed(String),
}

/// Lists the runs of bits of a group's ids, most significant first.
pub fn id_pieces<'a>(arch: &Arch, group: &'a Group) -> Vec<(Piece, IdBits<'a>)> {
    let id = u64::from(arch.code.unwrap_or_default()) << CODE_SHIFT | group.base;
    let digit = |bit: u32| if id >> bit & 1 == 1 { '1' } else { '0' };
    let head = [
        (Piece { msb: 63, lsb: CODE_SHIFT }, None),
        (Piece { msb: CODE_SHIFT - 1, lsb: SIZE_SHIFT }, Some("size")),
    ];
    let bits = |(piece, name): (Piece, Option<&'a str>)| {
        let fixed = || (piece.lsb..=piece.msb).rev().map(digit).collect();
        (piece, name.map_or_else(|| IdBits::Fixed(fixed()), IdBits::Named))
    };
    head.into_iter().chain(number_pieces(group)).map(bits).collect()
}

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
