//! The bits of ids as a picture: a row for each group, with a digit for each bit that all ids of the group have.

use std::fmt::Write as _;

use super::{Look, NUMBERS, Run, STYLE, Scale, cells, escape, length, picture};
use crate::model::{Arch, Group};
use crate::query::{IdBits, id_pieces};

const BITS: u32 = 64;
const ID: Scale = Scale { bit: 15, height: 28 };

/// What the pictures of layouts do not have.
const MORE: &str = "\
.bits .fixed rect{fill:#ddf4ff}\
.bits .group{font-weight:600;text-anchor:start}\
@media (prefers-color-scheme:dark){\
.bits .fixed rect{fill:#121d2f}}";

/// Draws the ids of every group that has some.
pub(in crate::emit) fn ids(arch: &Arch) -> String {
    let groups: Vec<_> = arch.groups.iter().filter(|group| group.mask != 0).collect();
    let left = groups.iter().map(|group| length(&group.name)).max().unwrap_or(0);
    let mut body = String::new();
    let mut top = 0;
    for group in groups {
        let middle = top + NUMBERS + ID.height / 2;
        let _ = writeln!(
            body,
            "<text class=\"group\" x=\"0\" y=\"{middle}\" dy=\".35em\">{}</text>",
            escape(&group.name)
        );
        top += cells(&mut body, ID, &runs(arch, group), BITS - 1, (left, top));
    }
    picture(left + BITS * ID.bit + 1, top, &format!("{STYLE}{MORE}"), &body)
}

fn runs(arch: &Arch, group: &Group) -> Vec<Run> {
    let run = |(piece, bits)| match bits {
        IdBits::Named(name) => Run { piece, label: name.to_owned(), look: Look::Plain },
        IdBits::Fixed(digits) => Run { piece, label: digits, look: Look::Fixed },
    };
    id_pieces(arch, group).into_iter().map(run).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Part;

    #[test]
    fn every_group_with_ids_has_a_row_of_64_bits() {
        let group = |name: &str, base, mask, parts| Group {
            name: name.to_owned(),
            file: String::new(),
            base,
            mask,
            parts,
            doc: String::new(),
        };
        let part = |name: &str, msb, lsb| Part { name: name.to_owned(), msb, lsb };
        let arch = Arch {
            code: Some(0x60),
            groups: vec![
                group("sys", 0x13_0000, 0xff0f, vec![part("op", 15, 8), part("reg", 3, 0)]),
                group("carried", 0, 0, Vec::new()),
                group("core", 0x10_0000, 0xffff, Vec::new()),
            ],
            ..Arch::default()
        };
        let base = "000000000000000000000000000000010011";
        let labels = ["01100000", "size", base, "op", "0000", "reg"].map(str::to_owned);
        let drawn: Vec<_> = runs(&arch, &arch.groups[0]).into_iter().map(|run| run.label).collect();
        assert_eq!(drawn, labels);

        let svg = ids(&arch);
        for (text, count) in
            [(">sys<", 1), (">core<", 1), (">carried<", 0), (">63<", 2), (">number<", 1)]
        {
            assert_eq!(svg.matches(text).count(), count, "{text}: {svg}");
        }
        let middles = svg.split('"').filter(|value| value.split(' ').count() == base.len());
        assert_eq!(middles.count(), 2, "{svg}");
    }
}
