//! `mod table`: what the rows say, for look-up at run time.

use super::PlaceOf;
use super::text::{Quoted, line, put};
use crate::model::{Access, Arch, Class, Group, Listed, Part, Register, Scope, Width, WriteRule};
use crate::names;

pub(super) fn emit(out: &mut String, arch: &Arch) {
    let entries = entries(arch);
    line!(out);
    line!(out, "mod table {{");
    line!(
        out,
        "    #[allow(unused_imports, reason = \"not every table has carriers and layouts\")]"
    );
    line!(out, "    use super::*;");
    head(out, arch);
    line!(out, "    static ROWS: [::onereg::Row; {}] = [", arch.registers.len());
    for register in &arch.registers {
        row(out, arch, register);
    }
    line!(out, "    ];");
    // The compiler spends less on a call than on the reference in it.
    put!(out, "    const fn info(name: &'static str, place: ::onereg::Place, row: usize)");
    line!(out, " -> ::onereg::Info {{");
    line!(out, "        ::onereg::Info {{ name, place, row: &ROWS[row] }}");
    line!(out, "    }}");
    line!(out, "    pub(super) static REGISTERS: [::onereg::Info; {}] = [", entries.len());
    for entry in &entries {
        let register = &arch.registers[entry.row];
        let place = PlaceOf(arch, register, entry.member);
        let name = register.name.member(entry.member);
        line!(out, "        info({}, {place}, {}),", Quoted(&name), entry.row);
    }
    line!(out, "    ];");
    names(out, arch, &entries);
    line!(out, "}}");
}

/// One register of the expanded table.
struct Entry {
    /// Order of the table: id without size bits, size bits, carrier.
    key: (u64, u64, String),
    row: usize,
    member: u32,
}

/// Every register but the aliases, in the order that the runtime searches.
fn entries(arch: &Arch) -> Vec<Entry> {
    let mut entries = Vec::with_capacity(arch.registers.len());
    for (row, register) in
        arch.registers.iter().enumerate().filter(|(_, register)| register.alias_of.is_none())
    {
        for member in 0..register.name.count() {
            entries.push(Entry { key: sort_key(arch, register, member), row, member });
        }
    }
    entries.sort_unstable_by(|a, b| (&a.key, a.row, a.member).cmp(&(&b.key, b.row, b.member)));
    entries
}

/// Mirrors the order of `Table::registers` in the runtime.
fn sort_key(arch: &Arch, register: &Register, member: u32) -> (u64, u64, String) {
    let bytes = u64::from(super::bytes(register));
    if let Some(via) = register.via {
        return (u64::MAX, register.offset(member) << 16 | bytes, arch.carriers[via].name.clone());
    }
    let body = arch.id_body(register, member);
    match register.width {
        _ if !arch.is_kvm() => (body, bytes, String::new()),
        Width::Bits(bits) => (body, crate::model::size_bits(bits), String::new()),
        Width::Ulong | Width::Vlenb => (body, 0, String::new()),
    }
}

fn head(out: &mut String, arch: &Arch) {
    line!(out, "    pub(super) static TABLE: ::onereg::Table = ::onereg::Table {{");
    line!(out, "        name: {:?},", arch.name);
    match arch.code {
        Some(code) => line!(out, "        code: ::core::option::Option::Some({code:#x}),"),
        None => line!(out, "        code: ::core::option::Option::None,"),
    }
    line!(out, "        kernel: {:?},", arch.kernel);
    line!(out, "        errors: &[");
    for errno in &arch.errors {
        line!(
            out,
            "            ::onereg::Errno {{ number: {}, name: {:?}, meaning: {:?} }},",
            errno.number,
            errno.name,
            errno.meaning
        );
    }
    line!(out, "        ],");
    let carriers: Vec<_> = arch
        .carriers
        .iter()
        .map(|carrier| format!("&carrier::{}", names::constant(&carrier.name, "")))
        .collect();
    line!(out, "        carriers: &[{}],", carriers.join(", "));
    line!(out, "        groups: &[");
    arch.groups.iter().for_each(|known| group(out, known));
    line!(out, "        ],");
    line!(out, "        phases: &{:?},", arch.phases);
    line!(out, "        registers: &REGISTERS,");
    line!(out, "        names: &NAMES,");
    line!(out, "    }};");
}

/// One group, with the bits of its ids.
fn group(out: &mut String, group: &Group) {
    let Group { name, base, mask, .. } = group;
    put!(out, "            ::onereg::Group {{ name: {name:?}, base: {base:#x}, mask: {mask:#x}");
    put!(out, ", parts: &[");
    for Part { name, msb, lsb } in &group.parts {
        put!(out, "::onereg::GroupPart {{ name: {name:?}, msb: {msb}, lsb: {lsb} }}, ");
    }
    line!(out, "] }},");
}

/// One row: what is not the default.
fn row(out: &mut String, arch: &Arch, register: &Register) {
    let width = match register.width {
        Width::Bits(bits) => format!("Bits({bits})"),
        Width::Ulong => "Ulong".to_owned(),
        Width::Vlenb => "Vlenb".to_owned(),
    };
    line!(out, "        ::onereg::Row {{");
    line!(
        out,
        "            name: {}, doc: {},",
        Quoted(&register.name.text),
        Quoted(&register.doc)
    );
    line!(
        out,
        "            group: {}, width: ::onereg::Width::{width},",
        Quoted(&arch.groups[register.group].name)
    );
    let mut field =
        |name: &str, value: std::fmt::Arguments<'_>| line!(out, "            {name}: {value},");
    let some = "::core::option::Option::Some";
    if register.slices != 0 {
        field("slices", format_args!("{}", register.slices));
    }
    if register.access != Access::default() {
        field("access", format_args!("::onereg::Access::{}", register.access.variant()));
    }
    if register.write != WriteRule::default() {
        field("write", format_args!("::onereg::WriteRule::{}", register.write.variant()));
    }
    if !register.requires.is_empty() {
        field("requires", format_args!("&{:?}", register.requires));
    }
    if let Some(since) = &register.since {
        field("since", format_args!("{some}({since:?})"));
    }
    if let Some(until) = &register.until {
        field("until", format_args!("{some}({until:?})"));
    }
    if let Some(since) = &register.write_since {
        field("write_since", format_args!("{some}({since:?})"));
    }
    if let Some(xlen) = register.xlen {
        field("xlen", format_args!("{some}({xlen})"));
    }
    if register.scope != Scope::default() {
        field("scope", format_args!("::onereg::Scope::{}", register.scope.variant()));
    }
    if register.listed != Listed::default() {
        field("listed", format_args!("::onereg::Listed::{}", register.listed.variant()));
    }
    if register.hidden {
        field("hidden", format_args!("true"));
    }
    if register.class != Class::default() {
        field("class", format_args!("::onereg::Class::{}", register.class.variant()));
    }
    if let Some(phase) = register.phase.and_then(|phase| u8::try_from(phase).ok()) {
        field("phase", format_args!("{some}({phase})"));
    }
    if !register.errata.is_empty() {
        field("errata", format_args!("&{:?}", register.errata));
    }
    if let Some(layout) = register.layout {
        field(
            "fields",
            format_args!("<layout::{} as ::onereg::Layout>::FIELDS", arch.layouts[layout].rust),
        );
    }
    line!(out, "            ..::onereg::Row::DEFAULT");
    line!(out, "        }},");
}

/// Names of registers and aliases with the position of their register, sorted by hash.
fn names(out: &mut String, arch: &Arch, entries: &[Entry]) {
    let mut names = Vec::with_capacity(entries.len());
    let mut first = vec![0; arch.registers.len()];
    let mut positions: Vec<_> =
        entries.iter().enumerate().map(|(at, entry)| (entry.row, entry.member, at)).collect();
    positions.sort_unstable();
    for (index, (row, member, _)) in positions.iter().enumerate() {
        if *member == 0 {
            first[*row] = index;
        }
    }
    for (row, register) in arch.registers.iter().enumerate() {
        let target = register.alias_of.unwrap_or(row);
        for member in 0..register.name.count() {
            if let Some((_, _, at)) = positions.get(first[target] + member as usize) {
                let name = register.name.member(member);
                names.push((name_hash(&name), name, *at));
            }
        }
    }
    names.sort_unstable();
    line!(out, "    static NAMES: [(u32, &str, u32); {}] = [", names.len());
    for (hash, name, at) in names {
        line!(out, "        ({hash:#010x}, {}, {at}),", Quoted(&name));
    }
    line!(out, "    ];");
}

/// Hash of a name, as the runtime computes it.
fn name_hash(name: &str) -> u32 {
    let (words, rest) = name.as_bytes().as_chunks::<8>();
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    let words = words.chain(rest.iter().map(|byte| u64::from(*byte)));
    let mix =
        |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    (words.fold(0, mix) >> 32) as u32
}
