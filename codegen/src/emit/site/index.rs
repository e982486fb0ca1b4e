//! What the search looks through: a script that hands over the rows of all tables, families not expanded.

use serde_json::{Map, Value, json};

use super::arch_path;
use crate::model::{Arch, Group, Layout, Register, Width};

/// Emits the script. Every string is JSON's, so that nothing in a table is code.
pub(super) fn script(archs: &[Arch]) -> String {
    let archs: Vec<_> = archs.iter().map(arch).collect();
    format!("'use strict';\n\nindexLoaded([\n{}\n]);\n", archs.join(",\n"))
}

fn arch(arch: &Arch) -> String {
    let head = json!({
        "name": arch.name,
        "page": arch_path(arch),
        "code": arch.code,
        "groups": arch.groups.iter().map(group).collect::<Value>(),
    });
    let layouts = lines(arch.layouts.iter().map(layout));
    let rows = lines(arch.registers.iter().map(|register| row(arch, register)));
    format!("{{\"arch\": {head},\n\"layouts\": [\n{layouts}\n],\n\"rows\": [\n{rows}\n]}}")
}

fn lines(values: impl Iterator<Item = Value>) -> String {
    values.map(|value| value.to_string()).collect::<Vec<_>>().join(",\n")
}

fn group(group: &Group) -> Value {
    let parts = group.parts.iter().map(|part| json!([part.name, part.msb, part.lsb]));
    json!({
        "name": group.name,
        "base": hex(group.base),
        "mask": hex(group.mask),
        "parts": parts.collect::<Value>(),
    })
}

/// The names of a layout's fields, in a list where one has several; nobody looks for reserved bits.
fn layout(layout: &Layout) -> Value {
    let fields = layout.fields.iter().filter(|field| !field.kind.is_reserved());
    let names = fields.map(|field| match field.also.as_slice() {
        [] => json!(field.name),
        also => json!([std::slice::from_ref(&field.name), also].concat()),
    });
    names.collect()
}

/// A row, without what is usual.
fn row(arch: &Arch, row: &Register) -> Value {
    let first = row.name.family.map(|(first, _)| first);
    let width = match row.width {
        Width::Bits(bits) => json!(bits),
        symbolic => json!(symbolic.to_string()),
    };
    let number = row.number;
    let mut entries = vec![
        ("name", json!(if first.is_some() { &row.name.prefix } else { &row.name.text })),
        ("group", json!(row.group)),
        ("width", width),
        ("number", hex(number)),
        ("doc", json!(row.doc)),
    ];
    if let Some(first) = first {
        entries.push(("suffix", json!(row.name.suffix)));
        entries.push(("first", json!(first)));
        entries.push(("count", json!(row.name.count())));
        entries.push(("stride", hex(row.stride)));
    }
    let optional = [
        ("slices", (row.slices > 0).then(|| json!(row.slices))),
        ("encoding", row.encoding.map(hex)),
        ("struct", row.via.map(|carrier| json!(arch.carriers[carrier].structure))),
        ("alias", row.alias_of.map(|_| json!(true))),
        ("xlen", row.xlen.map(|xlen| json!(xlen))),
        ("layout", row.layout.map(|layout| json!(layout))),
        ("layout32", row.layout32.map(|layout| json!(layout))),
    ];
    entries.extend(optional.into_iter().filter_map(|(key, value)| Some((key, value?))));
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>().into()
}

/// A number of up to 64 bits: JavaScript's own have 53.
fn hex(number: u64) -> Value {
    json!(format!("{number:#x}"))
}
