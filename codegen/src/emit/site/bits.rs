//! The diagrams of bits, those of registers and those of ids: rows of a grid, most significant bits first.

use std::fmt::Write as _;

use super::html::text;
use crate::model::{Arch, Field, Group, Layout, Piece};
use crate::query::{IdBits, id_pieces, pieces};

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

/// Appends the bits of a group's ids, with a digit for each that all of them have; the note of the group says the same.
pub(super) fn ids(page: &mut String, arch: &Arch, group: &Group) {
    page.push_str("<div class=\"scroll\"><div class=\"bits ids of32\" aria-hidden=\"true\">");
    for (piece, bits) in id_pieces(arch, group) {
        for part in parts(piece) {
            let (kind, words) = match &bits {
                IdBits::Named(name) => ("uint", format!("<b>{}</b>", text(name))),
                IdBits::Fixed(digits) => ("fixed", digits_of(digits, piece, part)),
            };
            let _ = write!(page, "<span class=\"w{} {kind}\">", part.width());
            numbers(page, part);
            page.push_str(&words);
            page.push_str("</span>");
        }
    }
    page.push_str("</div></div>\n");
}

/// Those digits of `piece` that are in `part`.
fn digits_of(digits: &str, piece: Piece, part: Piece) -> String {
    let digits = digits.chars().zip((piece.lsb..=piece.msb).rev());
    let inside = digits.filter(|(_, bit)| (part.lsb..=part.msb).contains(bit));
    let digits: String = inside.map(|(digit, _)| format!("<u>{digit}</u>")).collect();
    format!("<b class=\"digits\">{digits}</b>")
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
        "<a class=\"w{width} {}{}\" href=\"#{}.{name}\" tabindex=\"-1\" data-bits=\"{}:{}\">",
        field.kind.word(),
        if upright { " upright" } else { "" },
        text(key),
        part.msb,
        part.lsb
    );
    numbers(page, part);
    let _ = write!(page, "<b>{name}</b></a>");
}

/// Appends the numbers of the first and the last bit of a cell.
fn numbers(page: &mut String, part: Piece) {
    let _ = write!(page, "<i>{}</i>", part.msb);
    if part.width() > 1 {
        let _ = write!(page, "<i>{}</i>", part.lsb);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_a_digit_for_each_fixed_bit() {
        let piece = Piece { msb: 35, lsb: 28 };
        let digits = |msb, lsb| digits_of("10110010", piece, Piece { msb, lsb });
        let all = [digits(35, 32), digits(31, 28)];
        assert_eq!(
            all.map(|html| html.replace("<u>", "").replace("</u>", "")),
            ["<b class=\"digits\">1011</b>", "<b class=\"digits\">0010</b>"]
        );
    }

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
