//! `pub type SctlrEl1 = Bits<layout::SctlrEl1>` per layout: getters, builders, field table.

use super::text::{doc, line};
use crate::model::{Arch, Field, FieldKind, Layout, Width, low_bits};

pub(super) fn emit(out: &mut String, arch: &Arch) {
    if arch.layouts.is_empty() {
        return;
    }
    let raw = raw_types(arch);
    line!(out);
    line!(out, "/// Layouts of register values.");
    line!(out, "pub mod layout {{");
    for (layout, raw) in arch.layouts.iter().zip(&raw) {
        tables(out, layout, raw);
    }
    line!(out, "}}");
    for (layout, raw) in arch.layouts.iter().zip(&raw) {
        value_type(out, layout, raw);
    }
}

/// Integer type of each layout: that of its width, or `Ulong` where an `ulong` register has it.
fn raw_types(arch: &Arch) -> Vec<Raw> {
    let mut types: Vec<_> =
        arch.layouts.iter().map(|layout| Raw { width: layout.width, ulong: false }).collect();
    for register in arch.registers.iter().filter(|register| register.width == Width::Ulong) {
        if let Some(layout) = register.layout {
            types[layout].ulong = true;
        }
    }
    types
}

struct Raw {
    width: u32,
    ulong: bool,
}

impl Raw {
    /// Type that holds the bits.
    fn holder(&self) -> String {
        if self.ulong { "::onereg::Ulong".to_owned() } else { self.integer() }
    }

    /// Integer the getters compute with.
    fn integer(&self) -> String {
        format!("u{}", self.width)
    }

    /// The integer of `self`.
    fn bits(&self) -> &'static str {
        if self.ulong { "self.0.0" } else { "self.0" }
    }

    /// A value of the layout's type; no method is called, for every call searches all layouts.
    fn wrap(&self, bits: &str) -> String {
        let bits = if self.ulong { format!("::onereg::Ulong({bits})") } else { bits.to_owned() };
        format!("Bits({bits}, ::core::marker::PhantomData)")
    }
}

/// Field and value tables, in `mod layout`.
fn tables(out: &mut String, layout: &Layout, raw: &Raw) {
    let rust = &layout.rust;
    doc(out, "    ", &format!("Layout of {}.", layout.name));
    line!(out, "    pub enum {rust} {{}}");
    line!(out, "    impl ::onereg::Layout for {rust} {{");
    line!(out, "        type Raw = {};", raw.holder());
    line!(out, "        const NAME: &'static str = {:?};", layout.name);
    line!(out, "        const FIELDS: &'static [::onereg::Field] = &[");
    for field in &layout.fields {
        let pieces: Vec<_> = field
            .pieces
            .iter()
            .map(|piece| format!("::onereg::Piece {{ msb: {}, lsb: {} }}", piece.msb, piece.lsb))
            .collect();
        let values = match field.kind {
            FieldKind::Enum => {
                format!("<{} as ::onereg::EnumLayout>::VALUES", layout.enum_type(field))
            }
            _ => "&[]".to_owned(),
        };
        line!(
            out,
            "            ::onereg::Field {{ name: {:?}, pieces: &[{}], kind: ::onereg::FieldKind::{}, values: {values} }},",
            field.name,
            pieces.join(", "),
            field.kind.variant(),
        );
    }
    line!(out, "        ];");
    line!(out, "    }}");
    for field in layout.fields.iter().filter(|field| field.kind == FieldKind::Enum) {
        let rust = layout.enum_type(field);
        doc(out, "    ", &format!("Values of {}.{}.", layout.name, field.name));
        line!(out, "    pub enum {rust} {{}}");
        line!(out, "    impl ::onereg::EnumLayout for {rust} {{");
        line!(out, "        const VALUES: &'static [(&'static str, u64)] = &[");
        for value in &field.values {
            line!(out, "            ({:?}, {:#x}),", value.name, value.value);
        }
        line!(out, "        ];");
        line!(out, "    }}");
    }
}

/// `pub type SctlrEl1 = Bits<layout::SctlrEl1>` with its methods, and the types of its enumerated fields.
fn value_type(out: &mut String, layout: &Layout, raw: &Raw) {
    let rust = &layout.rust;
    line!(out);
    let what = if layout.doc.is_empty() {
        format!("Value of {}", layout.name)
    } else {
        layout.doc.clone()
    };
    doc(out, "", &format!("{}.", what.trim_end_matches('.')));
    let holder = raw.holder();
    line!(out, "pub type {rust} = Bits<layout::{rust}, {holder}>;");
    line!(out);
    line!(out, "impl Bits<layout::{rust}, {holder}> {{");
    for field in layout.fields.iter().filter(|field| !field.kind.is_reserved()) {
        accessors(out, layout, field, raw);
    }
    line!(out, "}}");
    for field in layout.fields.iter().filter(|field| field.kind == FieldKind::Enum) {
        let rust = layout.enum_type(field);
        line!(out);
        doc(out, "", &format!("Value of {}.{}.", layout.name, field.name));
        line!(out, "pub type {rust} = Enum<layout::{rust}>;");
        line!(out);
        line!(out, "impl Enum<layout::{rust}> {{");
        for value in &field.values {
            doc(out, "    ", &format!("{}: {:#x}.", value.name, value.value));
            line!(
                out,
                "    pub const {}: Self = Enum({:#x}, ::core::marker::PhantomData);",
                value.constant,
                value.value
            );
        }
        line!(out, "}}");
    }
}

/// `pub const fn m(self) -> bool` and `pub const fn with_m(self, value: bool) -> Self`.
fn accessors(out: &mut String, layout: &Layout, field: &Field, raw: &Raw) {
    let width = field.width();
    let integer = raw.integer();
    let kind = match field.kind {
        FieldKind::Bool => "bool".to_owned(),
        FieldKind::Int => format!("i{}", holder(width)),
        FieldKind::Enum => layout.enum_type(field),
        _ => format!("u{}", holder(width)),
    };
    let read = read(field, raw);
    let getter = match field.kind {
        FieldKind::Bool => format!("{read} != 0"),
        FieldKind::Enum => {
            format!("Enum({}, ::core::marker::PhantomData)", cast(&read, &integer, "u64"))
        }
        FieldKind::Int => {
            let shift = holder(width) - width;
            format!("(({read}) as {kind}) << {shift} >> {shift}")
        }
        _ => cast(&read, &integer, &kind),
    };
    let value = match field.kind {
        FieldKind::Enum => cast("value.0", "u64", &integer),
        FieldKind::Int => {
            format!("::onereg::support::unsigned(value as i128, {width}) as {integer}")
        }
        _ => cast("value", &kind, &integer),
    };
    let builder = raw.wrap(&write(field, raw, &value));
    let rust = &field.rust;
    let with = field.builder();
    doc(out, "    ", &description(field));
    line!(out, "    #[inline]");
    line!(out, "    pub const fn {rust}(self) -> {kind} {{ {getter} }}");
    doc(out, "    ", &format!("Replaces {}.", field.name));
    line!(out, "    #[inline]");
    line!(out, "    pub const fn {with}(self, value: {kind}) -> Self {{ {builder} }}");
}

/// `Returns M, bit 0: MMU enable.`
fn description(field: &Field) -> String {
    let bits: Vec<_> = field
        .pieces
        .iter()
        .map(|piece| match piece.msb == piece.lsb {
            true => format!("{}", piece.msb),
            false => format!("{}..{}", piece.msb, piece.lsb),
        })
        .collect();
    let noun = if field.width() == 1 { "bit" } else { "bits" };
    let doc = field.doc.trim_end_matches('.');
    let (colon, doc) = if doc.is_empty() { ("", "") } else { (": ", doc) };
    format!("Returns {}, {noun} {}{colon}{doc}.", field.name, bits.join(" and "))
}

/// `value` of type `from` as one of type `to`.
fn cast(value: &str, from: &str, to: &str) -> String {
    match from == to {
        true => value.to_owned(),
        false if value.contains(' ') => format!("({value}) as {to}"),
        false => format!("{value} as {to}"),
    }
}

/// Width of the smallest integer that holds `width` bits.
fn holder(width: u32) -> u32 {
    width.next_power_of_two().max(8)
}

/// The field's bits, moved to the bottom.
fn read(field: &Field, raw: &Raw) -> String {
    let bits = raw.bits();
    let mut below = field.width();
    let mut terms = Vec::with_capacity(field.pieces.len());
    for piece in &field.pieces {
        below -= piece.width();
        let whole = piece.width() == raw.width;
        let moved =
            if piece.lsb == 0 { bits.to_owned() } else { format!("{bits} >> {}", piece.lsb) };
        let term = if whole { moved } else { format!("{moved} & {:#x}", mask(piece.width())) };
        terms.push(if below == 0 { term } else { format!("({term}) << {below}") });
    }
    terms.join(" | ")
}

/// `self` with the field's bits replaced by those of `value`; the top piece takes what is left, or panics.
fn write(field: &Field, raw: &Raw, value: &str) -> String {
    if field.width() == raw.width && field.pieces.len() == 1 {
        return value.to_owned();
    }
    let mut below = field.width();
    let mut bits = raw.bits().to_owned();
    for (index, piece) in field.pieces.iter().enumerate() {
        below -= piece.width();
        let mask = mask(piece.width());
        let moved = if below == 0 { value.to_owned() } else { format!("({value}) >> {below}") };
        let part = if index == 0 { moved } else { format!("({moved}) & {mask:#x}") };
        bits = format!(
            "::onereg::support::put_u{}({bits}, {part}, {mask:#x}, {})",
            raw.width, piece.lsb
        );
    }
    bits
}

fn mask(width: u32) -> u128 {
    if width <= 64 { u128::from(low_bits(width)) } else { u128::MAX >> (128 - width.min(128)) }
}
