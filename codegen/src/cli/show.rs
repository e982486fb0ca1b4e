//! `onereg show`.

use std::path::Path;

use onereg_codegen::model::{Field, Layout, Width};
use onereg_codegen::query::{Fact, Member, bits_text, facts};

use super::args::ShowArgs;
use super::failure::Failure;
use super::{find, tables, text};

pub(crate) fn run(root: &Path, args: &ShowArgs) -> Result<String, Failure> {
    let all = tables::load(root)?;
    let archs = find::archs(&all, args.arch.as_slice())?;
    let registers = find::registers(&archs, &args.name)?;
    Ok(registers.iter().map(|member| register(member, &args.name)).collect::<Vec<_>>().join("\n"))
}

fn register(member: &Member<'_>, asked: &str) -> String {
    let of_family = format!(", first of {}", member.row.name.text);
    let first = if member.name() == asked { "" } else { &of_family };
    let title = format!("{} {}{first}: {}", member.arch.name, member.name(), member.row.doc);
    let facts = facts(member).into_iter().chain(row_in_table(member));
    let rows: Vec<_> = facts.map(|(label, fact)| vec![label.to_owned(), fact]).collect();
    let mut shown = format!("{title}\n{}", text::table("  ", &rows));
    let wide = if member.row.width == Width::Ulong { "fields where XLEN is 64" } else { "fields" };
    let layouts = [(wide, member.row.layout), ("fields where XLEN is 32", member.row.layout32)];
    for (title, layout) in layouts {
        shown.extend(layout.map(|layout| fields(title, &member.arch.layouts[layout])));
    }
    shown
}

/// Where the row stands.
fn row_in_table(member: &Member<'_>) -> Option<Fact> {
    let file = &member.group().file;
    let line = tables::gather(&member.arch.file).row_line(file, member.row.row)?;
    Some(("row", format!("{file}:{line}")))
}

fn fields(title: &str, layout: &Layout) -> String {
    let source = layout.source.as_ref().map(|source| format!(" ({source})")).unwrap_or_default();
    let rows: Vec<_> = layout.fields.iter().map(field).collect();
    format!("  {title}{source}\n{}", text::table("    ", &rows))
}

fn field(field: &Field) -> Vec<String> {
    let access = field.access.map(|access| format!(" {}", access.word())).unwrap_or_default();
    let mut about = field.doc.clone();
    if !field.values.is_empty() {
        let values: Vec<_> =
            field.values.iter().map(|value| format!("{:#x} {}", value.value, value.name)).collect();
        let separator = if about.is_empty() { "" } else { ": " };
        about = format!("{about}{separator}{}", values.join(", "));
    }
    vec![
        bits_text(&field.pieces),
        field.name.clone(),
        format!("{}{access}", field.kind.word()),
        about,
    ]
}
