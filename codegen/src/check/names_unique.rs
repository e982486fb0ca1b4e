//! Every name stands for one register, also as a Rust constant; likewise fields, values and layout types.

use std::collections::HashMap;

use crate::diagnostics::{Finding, Place};
use crate::lower::Lowered;

pub(super) fn check(lowered: &Lowered, findings: &mut Vec<Finding>) {
    registers(lowered, findings);
    layouts(lowered, findings);
    for (layout, origin) in lowered.model.layouts.iter().zip(&lowered.layouts) {
        let mut fields = Unique::new("field");
        for (index, field) in layout.fields.iter().enumerate() {
            let place = origin.field(index);
            if !field.kind.is_reserved() {
                fields.add(&field.rust, &field.name, || place.clone().as_key(), findings);
            }
            let mut values = Unique::new("value");
            for value in &field.values {
                let place = || place.value("enum").value(&value.name).as_key();
                values.add(&value.constant, &value.name, place, findings);
            }
        }
    }
}

fn registers(lowered: &Lowered, findings: &mut Vec<Finding>) {
    let mut names = Unique::new("register");
    for (register, row) in lowered.model.registers.iter().zip(&lowered.rows) {
        let place = || row.value("name");
        let before = findings.len();
        names.add(&register.constant, &register.name.text, place, findings);
        if register.name.family.is_none() || findings.len() > before {
            continue;
        }
        // One clash of a family says it all.
        for member in 0..register.name.count() {
            let name = register.name.member(member);
            let constant = crate::names::constant(&name, "");
            if names.add(&constant, &name, place, findings) {
                break;
            }
        }
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

    /// Reports `name` when its identifier was seen; returns whether it was.
    fn add(
        &mut self,
        identifier: &str,
        name: &str,
        place: impl Fn() -> Place,
        findings: &mut Vec<Finding>,
    ) -> bool {
        let Some((first, first_place)) = self.seen.get(identifier) else {
            self.seen.insert(identifier.to_owned(), (name.to_owned(), place()));
            return false;
        };
        let what = self.what;
        let message = match first == name {
            true => format!("{what} `{name}` twice"),
            false => format!("{what} `{name}` and `{first}` are both `{identifier}` in Rust"),
        };
        let finding = Finding::new("E0201", place(), message).label("the second");
        findings.push(finding.related(first_place.clone(), "the first").help("rename one of them"));
        true
    }
}
