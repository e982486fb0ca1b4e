//! References between rows: `alias_of` and `overlaps`.

use std::collections::HashMap;

use super::Lowered;
use crate::diagnostics::{Finding, Place};
use crate::model::Arch;
use crate::names;
use crate::source::Row;

/// What a name stands for.
#[derive(Clone, Copy)]
enum Target {
    /// A register or a family, by index.
    Row(usize),
    /// A member of the family at this index.
    Member(usize),
    /// A row that could not be read.
    Unreadable,
}

/// Resolves the references of `rows`, which are the registers in their order.
pub(super) fn resolve(
    rows: &[&Row],
    unreadable: &[&Row],
    lowered: &mut Lowered,
    findings: &mut Vec<Finding>,
) {
    if rows.iter().all(|row| row.alias_of.is_none() && row.overlaps.is_empty()) {
        return;
    }
    let known = known(&lowered.model, unreadable);
    for (index, row) in rows.iter().enumerate() {
        let place = lowered.rows[index];
        let alias_of = row.alias_of.as_deref().and_then(|name| {
            let place = place.value("alias_of");
            let target = find(name, index, place.clone(), &known, lowered, findings)?;
            whole_row(name, target, place, &lowered.model, findings)
        });
        let overlaps = row.overlaps.iter().enumerate().filter_map(|(item, name)| {
            let place = place.value("overlaps").item(item);
            match find(name, index, place, &known, lowered, findings)? {
                Target::Row(row) | Target::Member(row) => Some(row),
                Target::Unreadable => None,
            }
        });
        let overlaps = overlaps.collect();
        let register = &mut lowered.model.registers[index];
        register.alias_of = alias_of;
        register.overlaps = overlaps;
        match alias_of {
            Some(target) => inherit(index, target, &mut lowered.model),
            None if row.alias_of.is_some() => {
                lowered.loose_aliases.insert(index);
            }
            None => {}
        }
    }
}

/// Every name, with what it stands for.
fn known(model: &Arch, unreadable: &[&Row]) -> HashMap<String, Target> {
    let mut known = HashMap::new();
    let families = || {
        let registers = model.registers.iter().enumerate();
        registers.filter(|(_, register)| register.name.family.is_some())
    };
    for (index, register) in model.registers.iter().enumerate() {
        known.entry(register.name.text.clone()).or_insert(Target::Row(index));
    }
    for (index, register) in families() {
        known.entry(register.constant.clone()).or_insert(Target::Row(index));
    }
    for (index, register) in families() {
        for member in 0..register.name.count() {
            known.entry(register.name.member(member)).or_insert(Target::Member(index));
        }
    }
    for name in unreadable.iter().filter_map(|row| row.name.as_ref()) {
        known.entry(name.text.clone()).or_insert(Target::Unreadable);
        if name.family.is_some() {
            let names = (0..name.count()).map(|member| name.member(member));
            let constant = names::constant(&name.prefix, &name.suffix);
            known.extend(names.chain([constant]).map(|name| (name, Target::Unreadable)));
        }
    }
    known
}

/// What `name` stands for; reports one that is unknown, or the row's own.
fn find(
    name: &str,
    index: usize,
    place: Place,
    known: &HashMap<String, Target>,
    lowered: &Lowered,
    findings: &mut Vec<Finding>,
) -> Option<Target> {
    match known.get(name) {
        Some(Target::Row(found) | Target::Member(found)) if *found == index => {
            let finding = Finding::new("E0209", place, format!("`{name}` names itself"));
            findings.push(finding.help("name another register, or take the key out"));
            None
        }
        Some(target) => Some(*target),
        // One that could not be read is empty, and was reported.
        None if name.is_empty() || lowered.incomplete => None,
        None => {
            let finding = Finding::new("E0209", place, format!("unknown register `{name}`"));
            let nearest = names::nearest(name, known.keys().map(String::as_str));
            findings.push(match nearest {
                Some(nearest) => finding.help(format!("did you mean `{nearest}`?")),
                None => finding,
            });
            None
        }
    }
}

/// The row that an alias names; reports a member of a family.
fn whole_row(
    name: &str,
    target: Target,
    place: Place,
    model: &Arch,
    findings: &mut Vec<Finding>,
) -> Option<usize> {
    match target {
        Target::Row(row) => Some(row),
        Target::Unreadable => None,
        Target::Member(row) => {
            let family = &model.registers[row].name.text;
            let message = format!("`{name}` is one register of family `{family}`");
            let finding = Finding::new("E0210", place, message);
            findings.push(finding.help("an alias names a whole row"));
            None
        }
    }
}

/// Gives an alias what its row leaves to the register it names.
fn inherit(alias: usize, target: usize, model: &mut Arch) {
    let target = model.registers[target].clone();
    let alias = &mut model.registers[alias];
    alias.layout = alias.layout.or(target.layout);
    alias.layout32 = alias.layout32.or(target.layout32);
    alias.content = match alias.layout {
        Some(_) => None,
        None => alias.content.or(target.content),
    };
    alias.phase = alias.phase.or(target.phase);
    if alias.doc.is_empty() {
        alias.doc = format!("Another name of {}", target.name.text);
    }
}
