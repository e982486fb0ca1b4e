//! Every name stands for one register, also as a Rust constant; likewise fields, values and layout types.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::diagnostics::{Finding, Place};
use crate::lower::{LayoutOrigin, Lowered};
use crate::model::{Field, Layout};

pub(super) fn check(lowered: &Lowered, findings: &mut Vec<Finding>) {
    registers(lowered, findings);
    layouts(lowered, findings);
    for (layout, origin) in lowered.model.layouts.iter().zip(&lowered.layouts) {
        fields(layout, origin, findings);
    }
}

fn fields(layout: &Layout, origin: &LayoutOrigin, findings: &mut Vec<Finding>) {
    for (index, field) in layout.fields.iter().enumerate() {
        let same = |other: &&Field| other.rust == field.rust && !field.kind.is_reserved();
        if let Some(first) = layout.fields[..index].iter().position(|other| same(&other)) {
            let place =
                |index: usize| (layout.fields[index].name.clone(), origin.field(index).as_key());
            findings.push(twice("field", &field.rust, place(first), place(index)));
        }
        for (at, value) in field.values.iter().enumerate() {
            let Some(first) =
                field.values[..at].iter().find(|other| other.constant == value.constant)
            else {
                continue;
            };
            let place = |name: &String| {
                (name.clone(), origin.field(index).value("enum").value(name).as_key())
            };
            findings.push(twice("value", &value.constant, place(&first.name), place(&value.name)));
        }
    }
}

/// One name of a row: the row's own, or that of a member of its family.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Named<'a> {
    identifier: Cow<'a, str>,
    row: usize,
    member: Option<u32>,
}

fn registers(lowered: &Lowered, findings: &mut Vec<Finding>) {
    let registers = &lowered.model.registers;
    let mut names = Vec::with_capacity(registers.len());
    for (row, register) in registers.iter().enumerate() {
        names.push(Named { identifier: Cow::from(&register.constant), row, member: None });
        if register.name.family.is_some() {
            let member = |index| crate::names::constant(&register.name.member(index), "");
            names.extend((0..register.name.count()).map(|index| Named {
                identifier: Cow::from(member(index)),
                row,
                member: Some(index),
            }));
        }
    }
    names.sort_unstable();
    let mut reported = HashSet::new();
    for pair in names.windows(2) {
        let [first, second] = pair else { continue };
        // One clash of two rows says it all.
        if first.identifier != second.identifier
            || first.row == second.row
            || !reported.insert((first.row, second.row))
        {
            continue;
        }
        let name = |named: &Named<'_>| match named.member {
            Some(member) => registers[named.row].name.member(member),
            None => registers[named.row].name.text.clone(),
        };
        let place = |named: &Named<'_>| lowered.rows[named.row].value("name");
        findings.push(twice(
            "register",
            &second.identifier,
            (name(first), place(first)),
            (name(second), place(second)),
        ));
    }
}

fn layouts(lowered: &Lowered, findings: &mut Vec<Finding>) {
    let mut types = Unique::new("layout type");
    let mut names = HashMap::new();
    for (layout, origin) in lowered.model.layouts.iter().zip(&lowered.layouts) {
        // The same name twice was said when names were resolved, or for the rows.
        if names.insert(&layout.name, ()).is_none() {
            types.add(&layout.rust, &layout.name, || origin.place.clone(), findings);
        }
    }
}

/// Names seen so far, by identifier.
struct Unique {
    what: &'static str,
    seen: HashMap<String, (String, Place)>,
}

impl Unique {
    fn new(what: &'static str) -> Self {
        Unique { what, seen: HashMap::new() }
    }

    /// Reports `name` when its identifier was seen.
    fn add(
        &mut self,
        identifier: &str,
        name: &str,
        place: impl Fn() -> Place,
        findings: &mut Vec<Finding>,
    ) {
        match self.seen.get(identifier) {
            Some(first) => findings.push(twice(
                self.what,
                identifier,
                first.clone(),
                (name.to_owned(), place()),
            )),
            None => {
                self.seen.insert(identifier.to_owned(), (name.to_owned(), place()));
            }
        }
    }
}

/// Two things of one name.
fn twice(what: &str, identifier: &str, first: (String, Place), second: (String, Place)) -> Finding {
    let message = match first.0 == second.0 {
        true => format!("{what} `{}` twice", second.0),
        false => format!("{what} `{}` and `{}` are both `{identifier}` in Rust", second.0, first.0),
    };
    let finding = Finding::new("E0201", second.1, message).label("the second");
    finding.related(first.1, "the first").help("rename one of them")
}
