//! `onereg show`.

use std::path::Path;

use onereg_codegen::model::{EnumValue, Field, Layout, Width};
use onereg_codegen::query::{Fact, Member, bits_text, facts};

use super::args::ShowArgs;
use super::failure::Failure;
use super::style::{self, paint};
use super::{find, tables, text};

pub(crate) fn run(root: &Path, args: &ShowArgs) -> Result<String, Failure> {
    let all = tables::load(root)?;
    let archs = find::archs(&all, args.arch.as_slice())?;
    let registers = find::registers(&archs, &args.name)?;
    let shown = |member| register(member, &args.name, row_in_table(member));
    Ok(registers.iter().map(shown).collect::<Vec<_>>().join("\n"))
}

fn register(member: &Member<'_>, asked: &str, row: Option<Fact>) -> String {
    let of_family = format!(", first of {}", member.row.name.text);
    let first = if member.name() == asked { "" } else { &of_family };
    let name = paint(style::NAME, &member.name());
    let title = format!("{} {name}{first}: {}", member.arch.name, member.row.doc);
    let facts = facts(member).into_iter().chain(row);
    let rows: Vec<_> = facts.map(fact_row).collect();
    let mut shown = text::table("", &[vec![title]]) + &text::table("  ", &rows);
    let wide = if member.row.width == Width::Ulong { "fields where XLEN is 64" } else { "fields" };
    let layouts = [(wide, member.row.layout), ("fields where XLEN is 32", member.row.layout32)];
    for (title, layout) in layouts {
        shown.extend(layout.map(|layout| fields(title, &member.arch.layouts[layout])));
    }
    shown
}

fn fact_row((label, fact): Fact) -> Vec<String> {
    let is_id = matches!(label, "id" | "address");
    vec![label.to_owned(), if is_id { paint(style::ID, &fact) } else { fact }]
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
    text::table("  ", &[vec![format!("{title}{source}")]]) + &text::table("    ", &rows)
}

fn field(field: &Field) -> Vec<String> {
    let access = field.access.map(|access| format!(" {}", access.word())).unwrap_or_default();
    let mut about = field.doc.clone();
    if !field.also.is_empty() {
        let separator = if about.is_empty() { "" } else { "; " };
        about = format!("{about}{separator}also {}", field.also.join(", "));
    }
    if !field.values.is_empty() {
        let named =
            |value: &EnumValue| format!("{:#x} {}", value.value, paint(style::SET, &value.name));
        let values: Vec<_> = field.values.iter().map(named).collect();
        let separator = if about.is_empty() { "" } else { ": " };
        about = format!("{about}{separator}{}", values.join(", "));
    }
    vec![
        bits_text(&field.pieces),
        paint(style::NAME, &field.name),
        format!("{}{access}", field.kind.word()),
        about,
    ]
}

#[cfg(test)]
mod tests {
    use onereg_codegen::model::Host;
    use onereg_codegen::query::members;

    use super::*;
    use crate::cli::text::tests::assert_fits;

    #[test]
    fn every_register_fits_a_terminal() {
        let Some(archs) = tables::tests::repository() else { return };
        for arch in &archs {
            for member in members(arch, Host::default()) {
                assert_fits(&register(&member, &member.row.name.text, None));
            }
        }
    }
}
