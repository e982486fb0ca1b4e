//! The whole model as JSON, a file per architecture, for programs that read no YAML.
//!
//! The keys are those of [`model`](crate::model), and words are those of the grammar; an index into a list is written
//! as the name of what it points to. Every key is always there, `null` or an empty list where the tables say nothing.
//! Keys may be added, and none changes its meaning. Left out are names in generated Rust and places in the YAML files.
//!
//! A register stands once; its `members` are the registers of its family, or itself. `place32` and `place64` of a
//! member are where it lives on a host of that XLEN, as `onereg list` prints it, and `null` where that host has none;
//! vector registers have 16 bytes. Both are the same but for riscv. Numbers that may exceed 2^53 are text in hex.

use serde_json::{Value, json};

use super::artefacts::Artefact;
use crate::model::{
    Arch, Carrier, EnumValue, ErrnoMeaning, Field, Group, Host, Ioctl, Layout, Register, Support,
    Width,
};
use crate::query::Member;

/// Emits a file per architecture; the paths begin in its folder.
pub fn json(archs: &[Arch]) -> Vec<Artefact> {
    let file = |arch: &Arch| Artefact {
        path: format!("{}.json", arch.name),
        text: format!("{:#}\n", model(arch)),
    };
    archs.iter().map(file).collect()
}

fn model(arch: &Arch) -> Value {
    let error = |error: &ErrnoMeaning| json!({"number": error.number, "name": error.name, "meaning": error.meaning});
    json!({
        "name": arch.name,
        "code": arch.code,
        "kernel": arch.kernel,
        "doc": arch.doc,
        "macros": arch.macros,
        "verified": arch.verified,
        "one_reg": support(&arch.one_reg),
        "reg_list": support(&arch.reg_list),
        "phases": arch.phases,
        "errors": list(&arch.errors, error),
        "carriers": list(&arch.carriers, |row| carrier(arch, row)),
        "groups": list(&arch.groups, group),
        "layouts": list(&arch.layouts, layout),
        "registers": list(&arch.registers, |row| register(arch, row)),
    })
}

fn support(support: &Support) -> Value {
    match support {
        Support::No => false.into(),
        Support::Yes => true.into(),
        Support::Since(release) => release.as_str().into(),
    }
}

fn carrier(arch: &Arch, carrier: &Carrier) -> Value {
    let ioctl = |ioctl: &Ioctl| json!({"name": ioctl.name, "nr": ioctl.nr});
    json!({
        "name": carrier.name,
        "structure": carrier.structure,
        "size": carrier.size,
        "get": ioctl(&carrier.get),
        "set": carrier.set.as_ref().map(ioctl),
        "block": carrier.block.map(|phase| &arch.phases[phase]),
        "scope": carrier.scope.word(),
        "count": carrier.count,
        "doc": carrier.doc,
    })
}

fn group(group: &Group) -> Value {
    json!({
        "name": group.name,
        "base": hex(group.base),
        "mask": hex(group.mask),
        "parts": list(&group.parts, |part| json!({"name": part.name, "msb": part.msb, "lsb": part.lsb})),
        "doc": group.doc,
    })
}

fn layout(layout: &Layout) -> Value {
    json!({
        "name": layout.name,
        "width": layout.width,
        "fields": list(&layout.fields, field),
        "shared": layout.shared,
        "doc": layout.doc,
        "source": layout.source,
    })
}

fn field(field: &Field) -> Value {
    let value = |value: &EnumValue| json!({"name": value.name, "value": hex(value.value)});
    json!({
        "name": field.name,
        "pieces": list(&field.pieces, |piece| json!({"msb": piece.msb, "lsb": piece.lsb})),
        "kind": field.kind.word(),
        "values": list(&field.values, value),
        "access": field.access.map(|access| access.word()),
        "safe": field.safe.word(),
        "also": field.also,
        "doc": field.doc,
    })
}

fn register(arch: &Arch, row: &Register) -> Value {
    let name = |row: usize| arch.registers[row].name.text.as_str();
    let layout = |layout: Option<usize>| layout.map(|layout| &arch.layouts[layout].name);
    let width = match row.width {
        Width::Bits(bits) => bits.into(),
        symbolic => Value::from(symbolic.to_string()),
    };
    json!({
        "name": row.name.text,
        "members": (0..row.name.count()).map(|index| member(arch, row, index)).collect::<Vec<_>>(),
        "group": arch.groups[row.group].name,
        "width": width,
        "number": hex(row.number),
        "stride": hex(row.stride),
        "slices": row.slices,
        "encoding": row.encoding.map(hex),
        "via": row.via.map(|carrier| &arch.carriers[carrier].name),
        "access": row.access.word(),
        "write": row.write.word(),
        "rule": row.rule,
        "requires": row.requires,
        "since": row.since,
        "until": row.until,
        "write_since": row.write_since,
        "xlen": row.xlen,
        "scope": row.scope.word(),
        "listed": row.listed.word(),
        "hidden": row.hidden,
        "class": row.class.word(),
        "phase": row.phase.map(|phase| &arch.phases[phase]),
        "content": row.content.map(|content| content.word()),
        "alias_of": row.alias_of.map(name),
        "overlaps": list(&row.overlaps, |row| name(*row).into()),
        "errata": row.errata,
        "layout": layout(row.layout),
        "layout32": layout(row.layout32),
        "doc": row.doc,
        "source": row.source,
    })
}

fn member(arch: &Arch, row: &Register, index: u32) -> Value {
    let place = |xlen| {
        let host = Host { xlen, ..Host::default() };
        arch.exists(row, host).then(|| Member { arch, row, index, host }.place())
    };
    json!({"name": row.name.member(index), "place32": place(32), "place64": place(64)})
}

fn list<T>(items: &[T], value: impl Fn(&T) -> Value) -> Value {
    items.iter().map(value).collect()
}

fn hex(number: u64) -> String {
    format!("{number:#x}")
}
