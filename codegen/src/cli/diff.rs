//! `onereg diff`.

use std::collections::{BTreeMap, BTreeSet};

use onereg_codegen::model::{Arch, Layout};
use onereg_codegen::query::{Member, all_members, bits_text};
use serde_json::{Value, json};

use super::args::{DiffArgs, Format};
use super::failure::Failure;
use super::{entry, tables, text};

pub(crate) fn run(args: &DiffArgs) -> Result<String, Failure> {
    let (old, new) = (tables::load(&args.old)?, tables::load(&args.new)?);
    let names: BTreeSet<&str> = old.iter().chain(&new).map(|arch| arch.name.as_str()).collect();
    let changes: Vec<(&str, Vec<Change>)> = names
        .into_iter()
        .map(|name| (name, compare(registers(&old, name), registers(&new, name))))
        .filter(|(_, changes)| !changes.is_empty())
        .collect();
    let output = match args.format {
        Format::Text => summary(&changes),
        Format::Json => {
            let objects = changes.iter().flat_map(|(arch, all)| all.iter().map(|it| it.json(arch)));
            format!("{:#}\n", objects.collect::<Value>())
        }
    };
    if changes.is_empty() { Ok(output) } else { Err(Failure { output, message: String::new() }) }
}

/// What is said of a register, by what it is: `id`, `field M`.
type Facts = BTreeMap<String, Value>;

/// Facts on which users of the generated code depend, beside fields; all others may change.
const FIXED: &[&str] = &["id", "width", "access", "via", "offset", "address"];

/// The registers of an architecture by name; none where there is no such architecture.
fn registers(archs: &[Arch], name: &str) -> BTreeMap<String, Facts> {
    let arch = archs.iter().find(|arch| arch.name == name);
    let members = arch.into_iter().flat_map(all_members);
    members.map(|member| (member.name(), facts(&member))).collect()
}

fn facts(member: &Member<'_>) -> Facts {
    let mut facts: Facts = entry::entry(member).into_iter().collect();
    facts.remove("name");
    // A symbolic width is not the one that it has on one host.
    facts.insert("width".to_owned(), json!(member.row.width.to_string()));
    let layouts = [("field", member.row.layout), ("XLEN 32 field", member.row.layout32)];
    for (what, layout) in layouts {
        facts.extend(layout.into_iter().flat_map(|it| fields(what, &member.arch.layouts[it])));
    }
    facts
}

/// The named bits of a layout, and their named values.
fn fields(what: &str, layout: &Layout) -> Facts {
    let mut facts = Facts::new();
    for field in layout.fields.iter().filter(|field| !field.kind.is_reserved()) {
        let access = field.access.map(|access| format!(" {}", access.word())).unwrap_or_default();
        let bits = format!("{} {}{access}", bits_text(&field.pieces), field.kind.word());
        facts.insert(format!("{what} {}", field.name), json!(bits));
        for value in &field.values {
            let name = format!("{what} {}.{}", field.name, value.name);
            facts.insert(name, json!(format!("{:#x}", value.value)));
        }
    }
    facts
}

/// What became of a register.
enum Kind {
    Added,
    Removed,
    /// To this name, with the same place.
    Renamed(String),
    Changed,
}

/// A register that is not the same in both tables.
struct Change {
    name: String,
    kind: Kind,
    /// Facts that differ, with what was said before and is said now.
    facts: Vec<(String, Value, Value)>,
}

/// Compares the registers of one architecture.
fn compare(old: BTreeMap<String, Facts>, mut new: BTreeMap<String, Facts>) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut gone = Vec::new();
    for (name, facts) in old {
        match new.remove(&name) {
            Some(now) => changes.push(Change::new(name, Kind::Changed, &facts, &now)),
            None => gone.push((name, facts)),
        }
    }
    changes.retain(|change| !change.facts.is_empty());
    for (name, facts) in gone {
        let same =
            new.iter().find(|(_, now)| place(now) == place(&facts)).map(|(to, _)| to.clone());
        let now = same.as_ref().and_then(|to| new.remove(to));
        changes.push(match (same, now) {
            (Some(to), Some(now)) => Change::new(name, Kind::Renamed(to), &facts, &now),
            _ => Change { name, kind: Kind::Removed, facts: Vec::new() },
        });
    }
    let added = |name| Change { name, kind: Kind::Added, facts: Vec::new() };
    changes.extend(new.into_keys().map(added));
    changes.sort_by(|a, b| (!a.is_breaking(), &a.name).cmp(&(!b.is_breaking(), &b.name)));
    changes
}

/// Where a register is: its id, its place in a struct, or its address.
fn place(facts: &Facts) -> [Option<&Value>; 4] {
    ["id", "via", "offset", "address"].map(|key| facts.get(key))
}

impl Change {
    fn new(name: String, kind: Kind, old: &Facts, new: &Facts) -> Self {
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let value = |facts: &Facts, key| facts.get(key).cloned().unwrap_or_default();
        let facts = keys.into_iter().map(|key| (key.clone(), value(old, key), value(new, key)));
        Change { name, kind, facts: facts.filter(|(_, old, new)| old != new).collect() }
    }

    /// Whether code or files that know the register have to change.
    fn is_breaking(&self) -> bool {
        let breaks = |(what, old, _): &(String, Value, Value)| {
            FIXED.contains(&what.as_str()) || what.contains("field ") && !old.is_null()
        };
        match self.kind {
            Kind::Removed | Kind::Renamed(_) => true,
            Kind::Added => false,
            Kind::Changed => self.facts.iter().any(breaks),
        }
    }

    fn word(&self) -> &'static str {
        match self.kind {
            Kind::Added => "added",
            Kind::Removed => "removed",
            Kind::Renamed(_) => "renamed",
            Kind::Changed => "changed",
        }
    }

    fn line(&self) -> Vec<String> {
        let mark = if self.is_breaking() { "breaking" } else { "" };
        let word = match &self.kind {
            Kind::Renamed(to) => Some(format!("renamed to {to}")),
            Kind::Changed => None,
            Kind::Added | Kind::Removed => Some(self.word().to_owned()),
        };
        let fact = |(what, old, new): &(String, Value, Value)| {
            format!("{what}: {} -> {}", plain(old), plain(new))
        };
        let parts: Vec<_> = word.into_iter().chain(self.facts.iter().map(fact)).collect();
        vec![mark.to_owned(), self.name.clone(), parts.join("; ")]
    }

    fn json(&self, arch: &str) -> Value {
        let to = if let Kind::Renamed(to) = &self.kind { Some(to) } else { None };
        let facts = self.facts.iter();
        json!({
            "arch": arch,
            "name": self.name,
            "change": self.word(),
            "breaking": self.is_breaking(),
            "to": to,
            "facts": facts.map(|(what, old, new)| json!({"what": what, "old": old, "new": new}))
                .collect::<Vec<_>>(),
        })
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn summary(changes: &[(&str, Vec<Change>)]) -> String {
    if changes.is_empty() {
        return "no differences\n".to_owned();
    }
    let mut output = String::new();
    for (arch, changes) in changes {
        let lines: Vec<_> = changes.iter().map(Change::line).collect();
        output.push_str(&format!("{arch}\n{}", text::table("  ", &lines)));
    }
    let all: Vec<_> = changes.iter().flat_map(|(_, changes)| changes).collect();
    let breaking = all.iter().filter(|change| change.is_breaking()).count();
    output.push_str(&format!("differences: {}, breaking: {breaking}\n", all.len()));
    output
}
