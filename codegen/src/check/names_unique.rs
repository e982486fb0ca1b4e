//! Every name stands for one register, also as a Rust constant; likewise fields, values and layout types.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::diagnostics::{Finding, Place};
use crate::lower::{LayoutOrigin, Lowered};
use crate::model::{Field, FieldKind, Layout};

pub(super) fn check(lowered: &Lowered, findings: &mut Vec<Finding>) {
    registers(lowered, findings);
    accessors(lowered, findings);
    carriers(lowered, findings);
    types(lowered, findings);
    for (layout, origin) in lowered.model.layouts.iter().zip(&lowered.layouts) {
        fields(layout, origin, findings);
    }
}

fn fields(layout: &Layout, origin: &LayoutOrigin, findings: &mut Vec<Finding>) {
    for (index, field) in layout.fields.iter().enumerate() {
        let place =
            |index: usize| (layout.fields[index].name.clone(), origin.field(index).into_key());
        let same = |other: &Field| other.rust == field.rust && !field.kind.is_reserved();
        if let Some(first) = layout.fields[..index].iter().position(same) {
            findings.push(twice("field", &field.rust, place(first), place(index)));
        }
        // The getter of one is the builder of another.
        let builds = |other: &Field| !other.kind.is_reserved() && other.builder() == field.rust;
        if field.rust.starts_with("with_")
            && let Some(other) = layout.fields.iter().position(builds)
        {
            let (first, second) = (index.min(other), index.max(other));
            findings.push(twice("field", &field.rust, place(first), place(second)));
        }
        for (at, value) in field.values.iter().enumerate() {
            let Some(first) =
                field.values[..at].iter().find(|other| other.constant == value.constant)
            else {
                continue;
            };
            let place = |name: &String| {
                (name.clone(), origin.field(index).value("enum").value(name).into_key())
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

/// The accessor that reads one register writes no other.
fn accessors(lowered: &Lowered, findings: &mut Vec<Finding>) {
    let registers = &lowered.model.registers;
    let readers: HashMap<_, _> = registers
        .iter()
        .enumerate()
        .filter(|(_, register)| register.accessor.starts_with("set_"))
        .map(|(row, register)| (register.accessor.as_str(), row))
        .collect();
    if readers.is_empty() {
        return;
    }
    for (row, register) in registers.iter().enumerate() {
        let writer = register.writer();
        let Some(reader) = readers.get(writer.as_str()) else { continue };
        let place =
            |row: usize| (registers[row].name.text.clone(), lowered.rows[row].value("name"));
        let (first, second) = (row.min(*reader), row.max(*reader));
        findings.push(twice("register", &writer, place(first), place(second)));
    }
}

fn carriers(lowered: &Lowered, findings: &mut Vec<Finding>) {
    let mut seen = HashMap::new();
    for carrier in &lowered.model.carriers {
        let place = Place::root(0).value("carriers").value(&carrier.name).into_key();
        let constant = crate::names::constant(&carrier.name, "");
        let second = (carrier.name.clone(), place);
        match seen.get(&constant) {
            Some(first) => findings.push(twice("carrier", &constant, Clone::clone(first), second)),
            None => {
                seen.insert(constant, second);
            }
        }
    }
}

/// Layouts, and their enumerated fields, are types.
fn types(lowered: &Lowered, findings: &mut Vec<Finding>) {
    let layouts = &lowered.model.layouts;
    let describe = |(index, field): (usize, Option<usize>)| match field {
        Some(field) => (
            format!("{}.{}", layouts[index].name, layouts[index].fields[field].name),
            lowered.layouts[index].field(field).into_key(),
        ),
        None => (layouts[index].name.clone(), lowered.layouts[index].name()),
    };
    let mut seen = HashMap::new();
    for (index, layout) in layouts.iter().enumerate() {
        let own = (index, None);
        if let Some(first) = seen.insert(layout.rust.clone(), own) {
            // Two rows of one name have had their finding.
            let rows = !layout.shared && !layouts[first.0].shared && first.1.is_none();
            if !rows || layout.name != layouts[first.0].name {
                findings.push(twice("layout", &layout.rust, describe(first), describe(own)));
            }
            continue;
        }
        for (at, field) in layout.fields.iter().enumerate() {
            if field.kind != FieldKind::Enum {
                continue;
            }
            let rust = layout.enum_type(field);
            match seen.get(&rust) {
                // Two fields of one name have had their finding.
                Some(first) if first.0 == index => {}
                Some(first) => {
                    findings.push(twice(
                        "layout",
                        &rust,
                        describe(*first),
                        describe((index, Some(at))),
                    ));
                }
                None => {
                    seen.insert(rust, (index, Some(at)));
                }
            }
        }
    }
}

/// Two things of one name.
fn twice(what: &str, identifier: &str, first: (String, Place), second: (String, Place)) -> Finding {
    let message = match first.0 == second.0 {
        true => format!("{what} `{}` twice", second.0),
        false => {
            format!("{what}s `{}` and `{}` are both `{identifier}` in Rust", second.0, first.0)
        }
    };
    let finding = Finding::new("E0201", second.1, message).label("the second");
    finding.related(first.1, "the first").help("rename one of them")
}
