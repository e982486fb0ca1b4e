//! Bits as a picture: SVG whose colours follow the reader's light or dark scheme.

mod ids;

pub(super) use ids::ids;

use std::fmt::Write as _;

use crate::model::{Field, Layout, Piece};
use crate::query::pieces;

/// How large bits are.
#[derive(Debug, Clone, Copy)]
struct Scale {
    /// Width of a bit.
    bit: u32,
    /// Least height of a row.
    height: u32,
}

/// Bits in a row of a layout's picture.
const ROW: u32 = 32;
const LAYOUT: Scale = Scale { bit: 24, height: 40 };
/// Height of the numbers above a row.
const NUMBERS: u32 = 14;
/// Width of a letter, and what a label needs besides its letters.
const LETTER: u32 = 7;
const MARGIN: u32 = 8;

const STYLE: &str = "\
.bits{font:11px ui-monospace,monospace;text-anchor:middle;fill:#1f2328}\
.bits rect{fill:#f6f8fa;stroke:#59636e}\
.bits .reserved rect{fill:#d1d9e0}\
.bits .number{font-size:9px;fill:#59636e}\
@media (prefers-color-scheme:dark){\
.bits{fill:#f0f6fc}\
.bits rect{fill:#151b23;stroke:#9198a1}\
.bits .reserved rect{fill:#3d444d}\
.bits .number{fill:#9198a1}}";

/// A run of bits and what it is called.
#[derive(Debug, Clone)]
struct Run {
    piece: Piece,
    /// Of fixed bits, a digit each.
    label: String,
    look: Look,
}

/// What the bits of a run are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Plain,
    Reserved,
    Fixed,
}

/// Whether `layout` has more than one run of bits, so that a picture shows something.
pub(super) fn is_drawn(layout: &Layout) -> bool {
    pieces(layout).len() > 1
}

/// Draws the fields of `layout`.
pub(super) fn layout(layout: &Layout) -> String {
    let run = |(field, piece): (&Field, Piece)| Run {
        piece,
        label: label(field, piece),
        look: if field.kind.is_reserved() { Look::Reserved } else { Look::Plain },
    };
    draw(layout.width, &pieces(layout).into_iter().map(run).collect::<Vec<_>>())
}

/// Name of a field; of one in several pieces, with the bits of its value that `piece` is.
pub(super) fn label(field: &Field, piece: Piece) -> String {
    if field.pieces.len() == 1 || field.kind.is_reserved() {
        return field.name.clone();
    }
    let below = field.pieces.iter().skip_while(|other| **other != piece).skip(1);
    let lsb: u32 = below.map(|other| other.width()).sum();
    match lsb + piece.width() - 1 {
        msb if msb == lsb => format!("{}[{msb}]", field.name),
        msb => format!("{}[{msb}:{lsb}]", field.name),
    }
}

/// Draws `runs` of the lowest `width` bits, the highest first, in rows of 32.
fn draw(width: u32, runs: &[Run]) -> String {
    let columns = width.min(ROW);
    let mut body = String::new();
    let mut top = 0;
    for row in (0..width.div_ceil(ROW)).rev() {
        let bits = Piece { msb: row * ROW + columns - 1, lsb: row * ROW };
        let parts: Vec<_> = runs.iter().filter_map(|run| part(run, bits)).collect();
        top += cells(&mut body, LAYOUT, &parts, bits.msb, (1, top));
    }
    picture(columns * LAYOUT.bit + 2, top, STYLE, &body)
}

/// Makes a picture of what is in it.
fn picture(width: u32, height: u32, style: &str, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"bits\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\">\n<style>{style}</style>\n{body}</svg>\n"
    )
}

/// Appends a row whose leftmost bit is `msb`; returns its height.
fn cells(body: &mut String, scale: Scale, parts: &[Run], msb: u32, (x, y): (u32, u32)) -> u32 {
    let height = parts.iter().map(|part| height(scale, part)).max().unwrap_or(scale.height);
    for part in parts {
        let x = x + (msb - part.piece.msb) * scale.bit;
        cell(body, scale, part, (x, y + NUMBERS), height);
    }
    NUMBERS + height + 2
}

/// What of `run` is among `bits`.
fn part(run: &Run, bits: Piece) -> Option<Run> {
    let piece = Piece { msb: run.piece.msb.min(bits.msb), lsb: run.piece.lsb.max(bits.lsb) };
    (piece.lsb <= piece.msb).then(|| Run { piece, ..run.clone() })
}

/// Length of a label in the picture.
fn length(label: &str) -> u32 {
    u32::try_from(label.chars().count()).unwrap_or(u32::MAX).saturating_mul(LETTER) + MARGIN
}

/// Whether a label is too long to lie in its bits: it then stands.
fn stands(scale: Scale, part: &Run) -> bool {
    length(&part.label) > part.piece.width() * scale.bit
}

fn height(scale: Scale, part: &Run) -> u32 {
    if stands(scale, part) { length(&part.label).max(scale.height) } else { scale.height }
}

/// Appends one run of a row, with the numbers of its first and last bit.
fn cell(body: &mut String, scale: Scale, part: &Run, (x, y): (u32, u32), height: u32) {
    let Piece { msb, lsb } = part.piece;
    let width = part.piece.width() * scale.bit;
    let (across, down) = (x + width / 2, y + height / 2);
    let label = escape(&part.label);
    let (class, places) = match part.look {
        Look::Plain => ("", across.to_string()),
        Look::Reserved => (" class=\"reserved\"", across.to_string()),
        Look::Fixed => (" class=\"fixed\"", middles(scale, x, part.piece.width())),
    };
    let turn = if stands(scale, part) {
        format!(" transform=\"rotate(-90 {across} {down})\"")
    } else {
        String::new()
    };
    let _ = write!(
        body,
        "<g{class}><rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>\
         <text x=\"{places}\" y=\"{down}\" dy=\".35em\"{turn}>{label}</text>"
    );
    let mut number = |bit: u32, x: u32| {
        let y = y - 3;
        let _ = write!(body, "<text class=\"number\" x=\"{x}\" y=\"{y}\">{bit}</text>");
    };
    number(msb, x + scale.bit / 2);
    if msb != lsb {
        number(lsb, x + width - scale.bit / 2);
    }
    body.push_str("</g>\n");
}

/// The middles of `count` bits.
fn middles(scale: Scale, x: u32, count: u32) -> String {
    let middles = (0..count).map(|bit| (x + bit * scale.bit + scale.bit / 2).to_string());
    middles.collect::<Vec<_>>().join(" ")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(msb: u32, lsb: u32, label: &str) -> Run {
        Run { piece: Piece { msb, lsb }, label: label.to_owned(), look: Look::Plain }
    }

    #[test]
    fn a_run_across_rows_is_drawn_in_both() {
        let svg = draw(64, &[run(63, 36, "HIGH"), run(35, 8, "WIDE"), run(7, 0, "<&>")]);
        assert_eq!(svg.matches(">WIDE<").count(), 2);
        for number in [63, 36, 35, 32, 31, 8, 7, 0] {
            assert_eq!(svg.matches(&format!(">{number}</text>")).count(), 1, "{number}");
        }
        assert!(svg.contains(">&lt;&amp;&gt;<"), "{svg}");
    }

    #[test]
    fn a_long_label_stands_in_a_row_of_its_height() {
        let svg = draw(8, &[run(7, 1, "FLAGS"), run(0, 0, "SPINTMASK")]);
        let height = length("SPINTMASK");
        assert_eq!(svg.matches(&format!("height=\"{height}\"/>")).count(), 2, "{svg}");
        assert_eq!(svg.matches("rotate(-90").count(), 1, "{svg}");
    }

    #[test]
    fn a_piece_says_which_bits_of_its_field_it_is() {
        let split = Field {
            name: "F".to_owned(),
            rust: "f".to_owned(),
            pieces: vec![Piece { msb: 9, lsb: 9 }, Piece { msb: 3, lsb: 0 }],
            kind: crate::model::FieldKind::Uint,
            values: Vec::new(),
            access: None,
            safe: crate::model::Safe::default(),
            also: Vec::new(),
            doc: String::new(),
        };
        let labels = split.pieces.iter().map(|piece| label(&split, *piece));
        assert_eq!(labels.collect::<Vec<_>>(), ["F[4]", "F[3:0]"]);
    }
}
