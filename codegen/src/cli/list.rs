//! `onereg list`.

use std::path::Path;

use onereg_codegen::model::Arch;
use onereg_codegen::query::{Coverage, Member, bits_text, members};
use serde_json::{Map, Value};

use super::args::{ListArgs, ListFormat};
use super::entry;
use super::failure::Failure;
use super::{find, tables, text};

/// Returns the list, and with fields the coverage of each architecture as a message.
pub(crate) fn run(root: &Path, args: &ListArgs) -> Result<(String, String), Failure> {
    let all = tables::load(root)?;
    let archs = find::archs(&all, &args.arch)?;
    let members: Vec<_> = archs.iter().flat_map(|arch| members(arch, args.host.into())).collect();
    let coverage = match args.fields {
        true => archs.iter().map(|arch| coverage(arch, &members)).collect(),
        false => String::new(),
    };
    let entries = members.iter().map(|member| full_entry(member, args.fields));
    let list = match args.format {
        ListFormat::Text => text_list(&members, args.fields),
        ListFormat::Json => json(entries),
        ListFormat::Csv => csv(&entries.collect::<Vec<_>>()),
    };
    Ok((list, coverage))
}

/// Says of how many registers of an architecture the fields are known.
fn coverage(arch: &Arch, members: &[Member<'_>]) -> String {
    let own = members.iter().filter(|member| std::ptr::eq(member.arch, arch));
    format!("{}: {}\n", arch.name, Coverage::of(own.copied()))
}

/// An array with an entry a line.
fn json(entries: impl Iterator<Item = Map<String, Value>>) -> String {
    let lines: Vec<_> = entries.map(|entry| Value::from(entry).to_string()).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

fn full_entry(member: &Member<'_>, with_fields: bool) -> Map<String, Value> {
    let mut entry = entry::entry(member);
    if with_fields {
        entry.insert("fields".to_owned(), entry::fields(member.layout()));
    }
    entry
}

fn text_list(members: &[Member<'_>], with_fields: bool) -> String {
    let row = |member: &Member<'_>| {
        vec![
            member.arch.name.clone(),
            member.name(),
            member.place(),
            member.width().to_string(),
            member.group().name.clone(),
            member.row.access.word().to_owned(),
        ]
    };
    let lines = text::table("", &members.iter().map(row).collect::<Vec<_>>());
    if !with_fields {
        return lines;
    }
    lines
        .lines()
        .zip(members)
        .map(|(line, member)| format!("{line}\n{}", field_lines(member)))
        .collect()
}

fn field_lines(member: &Member<'_>) -> String {
    let fields = member.layout().into_iter().flat_map(|layout| &layout.fields);
    let row = fields.map(|field| {
        vec![bits_text(&field.pieces), field.name.clone(), field.kind.word().to_owned()]
    });
    text::table("    ", &row.collect::<Vec<_>>())
}

/// The entries as CSV, with a line of keys; a list is one cell.
fn csv(entries: &[Map<String, Value>]) -> String {
    let Some(first) = entries.first() else { return String::new() };
    let line = |cells: Vec<String>| cells.join(",") + "\n";
    let header = line(first.keys().map(|key| csv_cell(key)).collect());
    let rows = entries
        .iter()
        .map(|entry| line(entry.values().map(|value| csv_cell(&plain(value))).collect()));
    std::iter::once(header).chain(rows).collect()
}

/// A value without the marks of JSON: items of a list behind semicolons, a field as `NAME[msb:lsb]:kind`.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join("; "),
        Value::Object(field) => {
            let of = |key: &str| field.get(key).map(plain).unwrap_or_default();
            format!("{}[{}:{}]:{}", of("name"), of("msb"), of("lsb"), of("kind"))
        }
        other => other.to_string(),
    }
}

fn csv_cell(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
