//! The macros of a header.

use std::collections::BTreeSet;

use super::{Candidate, Header};

/// Endings of macros that say where a mask begins.
const POSITIONS: &[&str] = &["_SHIFT", "_OFFSET", "_SH"];

/// A macro of a header.
struct Definition {
    name: String,
    /// Its parameters, where it has some, and its text.
    text: String,
}

/// Lists the macros of a header, the first definition of each.
fn definitions(header: &str) -> Vec<Definition> {
    let mut names = BTreeSet::new();
    let text = header.replace("\\\n", " ");
    let lines = text.lines().filter_map(|line| line.strip_prefix("#define"));
    let defined = lines.filter_map(|line| {
        let line = line.trim_start();
        let end = line.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(line.len());
        let (name, text) = line.split_at(end);
        names.insert(name.to_owned()).then(|| Definition { name: name.into(), text: text.into() })
    });
    defined.collect()
}

/// Repeats a header's macros as C text, the first definition of each.
pub(super) fn defines(header: &str) -> String {
    let define = |Definition { name, text }: &Definition| {
        format!("#ifndef {name}\n#define {name}{text}\n#endif\n")
    };
    definitions(header).iter().map(define).collect()
}

/// Repeats a header's enumerations, whose numbers its macros may use.
pub(super) fn enums(header: &str) -> String {
    let starts = header.match_indices("\nenum ").map(|(at, _)| &header[at + 1..]);
    let types = starts.filter(|rest| rest.lines().next().is_some_and(|line| line.ends_with('{')));
    let ends =
        types.filter_map(|rest| rest.split_once("};").map(|(body, _)| format!("{body}}};\n")));
    ends.collect()
}

/// Lists the macros that name bits of a register, each with the register of the longest prefix.
pub(super) fn candidates<'a>(header: &'a Header, source: &str) -> Vec<Candidate<'a>> {
    let definitions = definitions(source);
    let is_defined = |name: &str| definitions.iter().any(|other| other.name == name);
    let plain = definitions
        .iter()
        .filter(|Definition { text, .. }| !text.starts_with('(') && !text.trim().is_empty());
    let named = plain.filter_map(|Definition { name, .. }| {
        let of = header.registers.iter().filter(|bits| name.starts_with(bits.prefix));
        let of = of.max_by_key(|bits| bits.prefix.len())?;
        let mask = header.numbers.iter().find_map(|end| name.strip_suffix(end));
        // The mask of the same name says it too.
        if mask.is_some_and(is_defined) || POSITIONS.iter().any(|end| name.ends_with(end)) {
            return None;
        }
        let number = format!("1ULL << ({name})");
        let expression = if mask.is_some() { number } else { name.clone() };
        Some(Candidate { name: name.clone(), of, expression })
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::named_bits::Bits;

    const SOURCE: &str = "#define A_ENABLE_LG 7\n#define A_MODE_MASK 0x61\n#define A_NEXT_SHIFT 2\n#define A_LOCK_LG 3\n\
        #define A_LOCK 8\n#define  A_NEXT \\\n  (7 << A_NEXT_SHIFT)\n#define A_SET(x) (x)\n#define A_RSVD 2\n#define B_ON 1\n\
        #define A_H\n";

    #[test]
    fn a_header_is_read_as_the_macros_that_name_bits() {
        const REGISTERS: &[Bits] = &[Bits::new("A_", "A"), Bits::upper("A_R", "A")];
        let header = Header { path: "", uses: None, numbers: &["_LG"], registers: REGISTERS };
        let found = candidates(&header, SOURCE);
        let found: Vec<(&str, u32)> =
            found.iter().map(|found| (found.expression.as_str(), found.of.shift)).collect();
        let expected = [
            ("1ULL << (A_ENABLE_LG)", 0),
            ("A_MODE_MASK", 0),
            ("A_LOCK", 0),
            ("A_NEXT", 0),
            ("A_RSVD", 32),
        ];
        assert_eq!(found, expected);
    }
}
