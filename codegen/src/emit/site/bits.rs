//! The diagram of a register's bits: rows of a grid, most significant bits first.

use std::fmt::Write as _;

use super::html::text;
use crate::model::{Field, Layout, Piece};
use crate::query::pieces;

/// Most bits in a row.
const ROW: u32 = 32;
/// Letters that fit in the width of a bit, in quarters.
const QUARTERS: usize = 11;

/// Appends the diagram. The table of the fields says the same: a reader that hears the page skips the diagram.
pub(super) fn diagram(page: &mut String, key: &str, layout: &Layout) {
    let row = ROW.min(layout.width);
    let _ = write!(page, "<div class=\"scroll\"><div class=\"bits of{row}\" aria-hidden=\"true\">");
    for (field, piece) in pieces(layout) {
        for part in parts(piece) {
            cell(page, key, field, part);
        }
    }
    page.push_str("</div></div>\n");
}

/// Takes a piece apart where a row ends.
fn parts(piece: Piece) -> impl Iterator<Item = Piece> {
    let rows = (piece.lsb / ROW..=piece.msb / ROW).rev();
    rows.map(move |row| Piece {
        msb: piece.msb.min(row * ROW + ROW - 1),
        lsb: piece.lsb.max(row * ROW),
    })
}

fn cell(page: &mut String, key: &str, field: &Field, part: Piece) {
    let (width, name) = (part.width(), text(&field.name));
    let upright = name.len() * 4 > QUARTERS * width as usize;
    let _ = write!(
        page,
        "<a class=\"w{width} {}{}\" href=\"#{}.{name}\" tabindex=\"-1\" data-bits=\"{}:{}\"><i>{}</i>",
        field.kind.word(),
        if upright { " upright" } else { "" },
        text(key),
        part.msb,
        part.lsb,
        part.msb
    );
    if width > 1 {
        let _ = write!(page, "<i>{}</i>", part.lsb);
    }
    let _ = write!(page, "<b>{name}</b></a>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_ends_where_its_row_ends() {
        let ends = |msb, lsb| {
            parts(Piece { msb, lsb }).map(|part| (part.msb, part.lsb)).collect::<Vec<_>>()
        };
        assert_eq!(ends(40, 8), [(40, 32), (31, 8)]);
        assert_eq!(ends(127, 0), [(127, 96), (95, 64), (63, 32), (31, 0)]);
        assert_eq!(ends(32, 32), [(32, 32)]);
    }
}
