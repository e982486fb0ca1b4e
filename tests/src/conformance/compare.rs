//! Facts and rows, compared both ways.

use std::collections::{BTreeMap, BTreeSet};

use onereg_codegen::model::{Arch, Host};

use crate::conformance::Fact;

/// A register of the tables, families expanded.
pub(super) struct Row {
    /// Its name.
    pub(super) name: String,
    /// Its row's name: `X{0..30}`.
    pub(super) family: String,
    /// Its complete id.
    pub(super) id: u64,
    /// Whether Linux must have it: not for a second name of an id, nor for one that Linux dropped.
    pub(super) current: bool,
}

/// Lists every register with an id that `host` has.
pub(super) fn rows(arch: &Arch, host: Host) -> Vec<Row> {
    let mut rows = Vec::new();
    for register in arch.registers.iter().filter(|register| arch.exists(register, host)) {
        let current = register.alias_of.is_none() && register.until.is_none();
        let family = &register.name.text;
        rows.extend((0..register.name.count()).filter_map(|index| {
            let id = arch.id(register, index, host)?;
            Some(Row { name: register.name.member(index), family: family.clone(), id, current })
        }));
    }
    rows
}

/// Width in bits that an id states.
pub(super) fn width(id: u64) -> u64 {
    8 << (id >> 52 & 0xf)
}

/// Lists facts without a row, current rows without a fact, and exceptions that excuse neither.
pub(super) fn differences(
    rows: &[Row],
    facts: &[Fact],
    exceptions: &[(&str, &str)],
) -> Vec<String> {
    let mut found: Vec<(Vec<&str>, String)> = Vec::new();
    for fact in facts.iter().filter(|fact| !rows.iter().any(|row| proves(fact, row))) {
        let name = fact.name.as_deref().unwrap_or("(unnamed)");
        found.push((vec![name], without_row(fact, rows)));
    }
    let by_id = by_id(facts);
    for row in rows.iter().filter(|row| row.current) {
        let facts = by_id.get(&row.id).map_or(&[][..], Vec::as_slice);
        if !facts.iter().any(|fact| proves(fact, row)) {
            found.push((vec![&row.name, &row.family], without_fact(row, facts)));
        }
    }
    let excused = |names: &[&str]| exceptions.iter().any(|(name, _)| names.contains(name));
    let needed: BTreeSet<&str> = found.iter().flat_map(|(names, _)| names).copied().collect();
    let stale = exceptions.iter().filter(|(name, _)| !needed.contains(name));
    let stale = stale.map(|(name, _)| format!("{name}: an exception without need: remove it"));
    let real = found.iter().filter(|(names, _)| !excused(names)).map(|(_, text)| text.clone());
    real.chain(stale).collect()
}

fn proves(fact: &Fact, row: &Row) -> bool {
    fact.id == row.id && fact.name.as_ref().is_none_or(|name| *name == row.name)
}

fn by_id(facts: &[Fact]) -> BTreeMap<u64, Vec<&Fact>> {
    let mut by_id: BTreeMap<u64, Vec<&Fact>> = BTreeMap::new();
    for fact in facts {
        by_id.entry(fact.id).or_default().push(fact);
    }
    by_id
}

fn without_row(fact: &Fact, rows: &[Row]) -> String {
    let name = fact.name.as_deref().unwrap_or("(unnamed)");
    let mut text = format!("{name} is {:#018x} in {}; the tables have ", fact.id, fact.source);
    let same_id: Vec<_> =
        rows.iter().filter(|row| row.id == fact.id).map(|row| row.name.as_str()).collect();
    match rows.iter().find(|row| row.name == name) {
        Some(row) => text += &format!("{:#018x} for it", row.id),
        None if same_id.is_empty() => text += "neither",
        None => text += &format!("this id as {}", same_id.join(", ")),
    }
    text
}

fn without_fact(row: &Row, same_id: &[&Fact]) -> String {
    let text = format!("{} ({:#018x}) is in the tables; Linux", row.name, row.id);
    let names: Vec<_> = same_id.iter().filter_map(|fact| fact.name.as_deref()).collect();
    if names.is_empty() {
        format!("{text} has no such id")
    } else {
        format!("{text} calls it {}", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, id: u64) -> Row {
        Row { name: name.to_owned(), family: name.to_owned(), id, current: true }
    }

    fn fact(name: Option<&str>, id: u64) -> Fact {
        Fact { name: name.map(str::to_owned), id, source: "kvm.h".to_owned() }
    }

    #[test]
    fn equal_sets_do_not_differ() {
        let rows = [row("A", 1), row("B", 2), Row { current: false, ..row("OLD", 3) }];
        let facts = [fact(Some("A"), 1), fact(None, 2)];
        assert_eq!(differences(&rows, &facts, &[]), [""; 0]);
    }

    #[test]
    fn every_kind_of_difference_is_found_from_both_sides() {
        let cases: &[(&[Row], &[Fact], &[&str])] = &[
            (
                &[],
                &[fact(Some("A"), 1)],
                &["A is 0x0000000000000001 in kvm.h; the tables have neither"],
            ),
            (
                &[row("A", 1)],
                &[],
                &["A (0x0000000000000001) is in the tables; Linux has no such id"],
            ),
            (
                &[row("B", 1)],
                &[fact(Some("A"), 1)],
                &[
                    "A is 0x0000000000000001 in kvm.h; the tables have this id as B",
                    "B (0x0000000000000001) is in the tables; Linux calls it A",
                ],
            ),
            (
                &[row("A", 2)],
                &[fact(Some("A"), 1)],
                &[
                    "A is 0x0000000000000001 in kvm.h; the tables have 0x0000000000000002 for it",
                    "A (0x0000000000000002) is in the tables; Linux has no such id",
                ],
            ),
        ];
        for (rows, facts, expected) in cases {
            assert_eq!(differences(rows, facts, &[]), *expected);
        }
    }

    #[test]
    fn an_exception_excuses_a_difference_and_nothing_else() {
        let rows = [row("A", 1)];
        assert_eq!(differences(&rows, &[], &[("A", "why")]), [""; 0]);
        let needless = differences(&rows, &[fact(Some("A"), 1)], &[("A", "why")]);
        assert_eq!(needless, ["A: an exception without need: remove it"]);
    }
}
