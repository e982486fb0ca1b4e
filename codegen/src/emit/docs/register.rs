//! Rows of the register tables, and a section for each: what a row cannot hold.

use std::fmt::Write as _;

use super::arch;
use super::markdown::{self, code, sentence, table, text};
use crate::emit::diagram;
use crate::emit::usage::usages;
use crate::model::{Arch, Field, Layout, Register, Width, WriteRule};
use crate::query::{Member, Relative, Topic, bits_text, facts, home, row_members, topics};

/// Anchor of a row.
pub(super) fn anchor(row: &Register) -> String {
    row.constant.to_ascii_lowercase()
}

/// The rows that the kernel's documentation would have: a family is its first and last member.
pub(super) fn rows(arch: &Arch, row: &Register) -> Vec<Vec<String>> {
    let members: Vec<_> = row_members(arch, row, home(row)).collect();
    match members.as_slice() {
        [first, _, .., last] => vec![cells(first), gap(arch), cells(last)],
        few => few.iter().map(cells).collect(),
    }
}

fn gap(arch: &Arch) -> Vec<String> {
    let mut cells = vec![String::new(); 8];
    cells[0] = arch.name.clone();
    cells[1] = "...".to_owned();
    cells
}

fn cells(member: &Member<'_>) -> Vec<String> {
    let row = member.row;
    let access = match row.write {
        WriteRule::Any => row.access.word().to_owned(),
        rule => format!("{}, {}", row.access.word(), rule.word()),
    };
    let requires: Vec<_> = row.requires.iter().map(|condition| code(condition)).collect();
    vec![
        member.arch.name.clone(),
        format!("[{}](#{})", member.name(), anchor(row)),
        row.width.to_string(),
        code(&member.place()),
        access,
        requires.join(", "),
        since(row),
        text(&row.doc),
    ]
}

fn since(row: &Register) -> String {
    let until = row.until.as_ref().map(|until| format!("until {until}"));
    row.since.iter().cloned().chain(until).collect::<Vec<_>>().join(", ")
}

/// Appends a section for each of `rows`.
pub(super) fn sections(page: &mut String, arch: &Arch, rows: &[&Register]) {
    page.push_str("## In detail\n\n");
    for row in rows {
        section(page, &Member { arch, row, index: 0, host: home(row) });
    }
}

fn section(page: &mut String, member: &Member<'_>) {
    let _ = writeln!(
        page,
        "{}\n\n### {}\n",
        markdown::anchor(&anchor(member.row)),
        member.row.name.text
    );
    let _ = writeln!(page, "{}\n", sentence(&member.row.doc));
    for fact in facts(member) {
        let parts = topics(member, &fact).into_iter().map(|(words, topic)| match topic {
            Some(topic) => format!("[{}]({})", text(&words), address(member, topic)),
            None => text(&words),
        });
        let _ = writeln!(page, "- {}: {}", fact.0, parts.collect::<String>());
    }
    for (label, usage) in usages(member) {
        let _ = writeln!(page, "- {label}: {}", code(&usage));
    }
    page.push('\n');
    let (heading, heading32) = match member.row.width {
        Width::Ulong => ("Fields where XLEN is 64", "Fields where XLEN is 32"),
        _ => ("Fields", ""),
    };
    for (heading, layout) in [(heading, member.row.layout), (heading32, member.row.layout32)] {
        if let Some(layout) = layout {
            fields(page, &member.arch.layouts[layout], heading);
        }
    }
}

/// Where a topic is, from the page of the member's group.
fn address(member: &Member<'_>, topic: Topic<'_>) -> String {
    match topic {
        Topic::Register(Relative { row, .. }) if row.group == member.row.group => {
            format!("#{}", anchor(row))
        }
        Topic::Register(Relative { row, .. }) => link(member.arch, row),
        Topic::Carrier(carrier) => format!("README.md#{}", arch::carrier_anchor(carrier)),
        Topic::Class(class) => format!("README.md#{}", arch::class_anchor(class)),
        Topic::Phase(phase) => format!("README.md#{}", arch::phase_anchor(phase)),
    }
}

/// Where a row is, from any page of its architecture.
pub(super) fn link(arch: &Arch, row: &Register) -> String {
    format!("{}.md#{}", arch.groups[row.group].name, anchor(row))
}

fn fields(page: &mut String, layout: &Layout, heading: &str) {
    let source =
        layout.source.as_ref().map(|source| format!(" ({})", text(source))).unwrap_or_default();
    let _ = writeln!(page, "{heading}{source}:\n");
    if diagram::is_drawn(layout) {
        let _ = writeln!(page, "![Bits of {0}](bits/{0}.svg)\n", layout.name);
    }
    let row = |field: &Field| {
        let values: Vec<_> =
            field.values.iter().map(|value| format!("{:#x} {}", value.value, value.name)).collect();
        let access = field.access.map(|access| format!(", {}", access.word())).unwrap_or_default();
        vec![
            bits_text(&field.pieces),
            field.name.clone(),
            format!("{}{access}", field.kind.word()),
            text(&values.join(", ")),
            description(field),
        ]
    };
    table(page, &["Bits", "Field", "Kind", "Values", "Description"], layout.fields.iter().map(row));
}

/// What a field is, and what others call it.
fn description(field: &Field) -> String {
    let also: Vec<_> = field.also.iter().map(|name| code(name)).collect();
    let also = (!also.is_empty()).then(|| format!("also {}", also.join(", ")));
    let doc = (!field.doc.is_empty()).then(|| text(&field.doc));
    doc.into_iter().chain(also).collect::<Vec<_>>().join("; ")
}
