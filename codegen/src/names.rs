//! Names: from the manual's spelling to Rust identifiers, and the nearest known one to a misspelt one.

/// Rust keywords that are refused as names, as spelled.
const KEYWORDS: &[&str] = &[
    "Self", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue",
    "crate", "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if",
    "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub",
    "ref", "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Whether `name` is a Rust keyword, as spelled.
pub(crate) fn is_keyword(name: &str) -> bool {
    KEYWORDS.contains(&name)
}

/// Whether `name` starts with a letter and has only letters, digits, `_`, `.` and `-`.
pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

/// Constant of a register: upper case, every other character an underscore, none at the end, none doubled.
pub(crate) fn constant(prefix: &str, suffix: &str) -> String {
    let mut constant = String::with_capacity(prefix.len() + suffix.len());
    let mut underscore = false;
    for c in prefix.chars().chain(suffix.chars()) {
        if c.is_ascii_alphanumeric() {
            if underscore && !constant.is_empty() {
                constant.push('_');
            }
            constant.push(c.to_ascii_uppercase());
            underscore = false;
        } else {
            underscore = true;
        }
    }
    constant
}

/// Method of a register or field: lower case; a keyword takes an underscore.
pub(crate) fn method(constant: &str) -> String {
    let mut method = constant.to_ascii_lowercase();
    if is_keyword(&method) {
        method.push('_');
    }
    method
}

/// Type of a layout: `SCTLR_EL1` is `SctlrEl1`.
pub(crate) fn type_name(constant: &str) -> String {
    let mut name = String::with_capacity(constant.len());
    for word in constant.split('_') {
        let mut chars = word.chars();
        name.extend(chars.next().map(|c| c.to_ascii_uppercase()));
        name.extend(chars.map(|c| c.to_ascii_lowercase()));
    }
    name
}

/// The known name nearest to `name`, when it is near enough to be what was meant.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(name.len()) <= limit)
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many letters have to be put in, taken out, exchanged or swapped; upper and lower case count as equal.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().map(|c| c.to_ascii_lowercase()).collect();
    let b: Vec<char> = b.chars().map(|c| c.to_ascii_lowercase()).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = change.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_upper_case_without_stray_underscores() {
        assert_eq!(constant("X", ""), "X");
        assert_eq!(constant("FPR_32_", ""), "FPR_32");
        assert_eq!(constant("DBGBVR", "_EL1"), "DBGBVR_EL1");
        assert_eq!(constant("PMEVCNTR_", "_EL0"), "PMEVCNTR_EL0");
        assert_eq!(constant("a.b-c", ""), "A_B_C");
    }

    #[test]
    fn methods_avoid_keywords() {
        assert_eq!(method("IF"), "if_");
        assert_eq!(method("SCTLR_EL1"), "sctlr_el1");
    }

    #[test]
    fn types_are_camel_case() {
        assert_eq!(type_name("ID_AA64PFR0_EL1"), "IdAa64pfr0El1");
    }

    #[test]
    fn the_nearest_name_is_near() {
        assert_eq!(nearest("witdh", ["width", "write"]), Some("width"));
        assert_eq!(nearest("zzz", ["width", "write"]), None);
        assert_eq!(nearest("sctlr_el1", ["SCTLR_EL1", "TCR_EL1"]), Some("SCTLR_EL1"));
    }
}
