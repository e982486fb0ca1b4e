//! `pub type SctlrEl1 = Bits<layout::SctlrEl1>` per layout: getters, builders, field table.

use std::borrow::Cow;
use std::fmt;

use super::rustdoc;
use super::text::{Quoted, doc, line, put};
use crate::model::{Access, Arch, Field, FieldKind, Layout, Piece, Safe, Width, low_bits};

pub(super) fn emit(out: &mut String, arch: &Arch) {
    if arch.layouts.is_empty() {
        return;
    }
    let layouts = typed(arch);
    line!(out);
    line!(out, "/// Layouts of register values.");
    line!(out, "pub mod layout {{");
    layouts.iter().for_each(|layout| tables(out, layout));
    line!(out, "}}");
    layouts.iter().for_each(|layout| value_type(out, layout));
}

/// A layout and its types in Rust.
struct Typed<'a> {
    layout: &'a Layout,
    raw: Raw,
    /// Per field: the type of its value.
    values: Vec<Cow<'static, str>>,
    /// The registers that have such values.
    constants: Vec<&'a str>,
}

impl Typed<'_> {
    /// Fields with their types.
    fn fields(&self) -> impl Iterator<Item = (&Field, &str)> {
        self.layout.fields.iter().zip(self.values.iter().map(|value| &**value))
    }

    /// Enumerated fields with their positions and types.
    fn enumerated(&self) -> impl Iterator<Item = (usize, (&Field, &str))> {
        self.fields().enumerate().filter(|(_, (field, _))| field.kind == FieldKind::Enum)
    }
}

/// Finds the types of each layout: an integer of its width, or `Ulong` where an `ulong` register has it.
fn typed(arch: &Arch) -> Vec<Typed<'_>> {
    let layouts = arch.layouts.iter().map(|layout| Typed {
        layout,
        raw: Raw { width: layout.width, integer: unsigned(layout.width), ulong: false },
        values: layout.fields.iter().map(|field| value(layout, field)).collect(),
        constants: Vec::new(),
    });
    let mut layouts: Vec<_> = layouts.collect();
    for register in &arch.registers {
        if let Some(layout) = register.layout {
            layouts[layout].raw.ulong |= register.width == Width::Ulong;
            layouts[layout].constants.push(&register.constant);
        }
    }
    layouts
}

/// Type of a field's value.
fn value(layout: &Layout, field: &Field) -> Cow<'static, str> {
    match field.kind {
        FieldKind::Bool => "bool".into(),
        FieldKind::Int => signed(field.width()).into(),
        FieldKind::Enum => layout.enum_type(field).into(),
        _ => unsigned(field.width()).into(),
    }
}

/// Width of the smallest integer that holds `width` bits.
fn holder(width: u32) -> u32 {
    width.next_power_of_two().max(8)
}

fn unsigned(width: u32) -> &'static str {
    match holder(width) {
        8 => "u8",
        16 => "u16",
        32 => "u32",
        64 => "u64",
        _ => "u128",
    }
}

fn signed(width: u32) -> &'static str {
    match holder(width) {
        8 => "i8",
        16 => "i16",
        32 => "i32",
        64 => "i64",
        _ => "i128",
    }
}

/// What holds the bits of a layout.
struct Raw {
    width: u32,
    /// Integer that getters and builders compute with.
    integer: &'static str,
    ulong: bool,
}

impl Raw {
    /// Type of the bits.
    fn holder(&self) -> &'static str {
        if self.ulong { "::onereg::Ulong" } else { self.integer }
    }

    /// The integer of `self`.
    fn bits(&self) -> &'static str {
        if self.ulong { "self.0.0" } else { "self.0" }
    }
}

/// Field and value tables, in `mod layout`.
fn tables(out: &mut String, typed: &Typed<'_>) {
    let layout = typed.layout;
    let rust = &layout.rust;
    doc(out, "    ", format_args!("Layout of {}.", layout.name));
    line!(out, "    pub enum {rust} {{}}");
    line!(out, "    impl ::onereg::Layout for {rust} {{");
    line!(out, "        type Raw = {};", typed.raw.holder());
    line!(out, "        const NAME: &'static str = {};", Quoted(&layout.name));
    line!(out, "        const FIELDS: &'static [::onereg::Field] = &[");
    layout.fields.iter().for_each(|field| description(out, field));
    line!(out, "        ];");
    line!(out, "    }}");
}

/// `::onereg::Field::new("M", 3, 0, ::onereg::FieldKind::Enum).with_values(...),`
fn description(out: &mut String, field: &Field) {
    let Some((top, rest)) = field.pieces.split_first() else { return };
    let (name, kind) = (Quoted(&field.name), field.kind.variant());
    put!(out, "            ::onereg::Field::new({name}, {}, {}, ", top.msb, top.lsb);
    put!(out, "::onereg::FieldKind::{kind})");
    if !rest.is_empty() {
        put!(out, ".with_rest(&[");
        for piece in rest {
            put!(out, "::onereg::Piece {{ msb: {}, lsb: {} }}, ", piece.msb, piece.lsb);
        }
        put!(out, "])");
    }
    if field.kind == FieldKind::Enum {
        put!(out, ".with_values(&[");
        for value in &field.values {
            put!(out, "({}, {:#x}), ", Quoted(&value.name), value.value);
        }
        put!(out, "])");
    }
    if field.access == Some(Access::ReadOnly) {
        put!(out, ".read_only()");
    }
    if field.safe != Safe::default() {
        put!(out, ".with_safe(::onereg::Safe::{})", field.safe.variant());
    }
    line!(out, ",");
}

/// `pub type SctlrEl1 = Bits<layout::SctlrEl1>` with its methods, and the types of its enumerated fields.
fn value_type(out: &mut String, typed: &Typed<'_>) {
    let layout = typed.layout;
    let rust = &layout.rust;
    line!(out);
    match layout.doc.trim_end_matches('.') {
        "" => doc(out, "", format_args!("Value of {}.", layout.name)),
        text => doc(out, "", format_args!("{text}.")),
    }
    rustdoc::constants(out, &typed.constants);
    let holder = typed.raw.holder();
    line!(out, "pub type {rust} = Bits<layout::{rust}, {holder}>;");
    line!(out);
    if layout.fields.iter().any(|field| field.rust == "len") {
        line!(out, "#[allow(clippy::len_without_is_empty, reason = \"a field's own name\")]");
    }
    line!(out, "impl Bits<layout::{rust}, {holder}> {{");
    for (field, value) in typed.fields().filter(|(field, _)| !field.kind.is_reserved()) {
        accessors(out, field, value, &typed.raw);
    }
    line!(out, "}}");
    for (position, (field, rust)) in typed.enumerated() {
        line!(out);
        doc(out, "", format_args!("Value of {}.{}.", layout.name, field.name));
        line!(out, "pub type {rust} = Enum<layout::{}, {position}>;", layout.rust);
        line!(out);
        line!(out, "impl {rust} {{");
        for value in &field.values {
            let number = value.value;
            doc(out, "    ", format_args!("{}: {number:#x}.", value.name));
            line!(out, "    pub const {}: Self = named({number:#x});", value.constant);
        }
        line!(out, "}}");
    }
}

/// `pub const fn m(self) -> bool` and `pub const fn with_m(self, value: bool) -> Self`.
fn accessors(out: &mut String, field: &Field, value: &str, raw: &Raw) {
    let (name, pieces) = (&field.name, Pieces(&field.pieces));
    let noun = if field.width() == 1 { "bit" } else { "bits" };
    match field.doc.trim_end_matches('.') {
        "" => doc(out, "    ", format_args!("Returns {name}, {noun} {pieces}.")),
        text => doc(out, "    ", format_args!("Returns {name}, {noun} {pieces}: {text}.")),
    }
    line!(out, "    #[inline]");
    put!(out, "    pub const fn {}(self) -> {value} {{ ", field.rust);
    getter(out, field, value, raw);
    line!(out, " }}");
    doc(out, "    ", format_args!("Replaces {name}."));
    line!(out, "    #[inline]");
    put!(out, "    pub const fn {}(self, value: {value}) -> Self {{ ", field.builder());
    builder(out, field, value, raw);
    line!(out, " }}");
}

/// `39..32 and 7..0`.
pub(super) struct Pieces<'a>(pub(super) &'a [Piece]);

impl fmt::Display for Pieces<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Piece { msb, lsb }) in self.0.iter().enumerate() {
            let and = if index == 0 { "" } else { " and " };
            match msb == lsb {
                true => write!(f, "{and}{msb}")?,
                false => write!(f, "{and}{msb}..{lsb}")?,
            }
        }
        Ok(())
    }
}

/// Writes the value of a field, out of `self`.
fn getter(out: &mut String, field: &Field, value: &str, raw: &Raw) {
    match field.kind {
        FieldKind::Bool => {
            let lsb = field.pieces.first().map_or(0, |piece| piece.lsb);
            put!(out, "::onereg::support::bit_{}({}, {lsb})", raw.integer, raw.bits());
        }
        FieldKind::Enum => {
            put!(out, "named(");
            read(out, field, raw, "u64");
            put!(out, ")");
        }
        FieldKind::Int => {
            let shift = holder(field.width()) - field.width();
            put!(out, "(");
            read(out, field, raw, value);
            put!(out, ") << {shift} >> {shift}");
        }
        _ => read(out, field, raw, value),
    }
}

/// Writes the field's bits, moved to the bottom of a number of type `to`.
fn read(out: &mut String, field: &Field, raw: &Raw, to: &str) {
    let cast = to != raw.integer;
    let parentheses = cast && field.pieces.len() > 1;
    out.push_str(if parentheses { "(" } else { "" });
    let mut below = field.width();
    for (index, piece) in field.pieces.iter().enumerate() {
        below -= piece.width();
        out.push_str(if index == 0 { "" } else { " | " });
        if piece.width() == raw.width {
            out.push_str(raw.bits());
        } else {
            let mask = mask(piece.width());
            put!(out, "::onereg::support::take_{}(", raw.integer);
            put!(out, "{}, {mask:#x}, {})", raw.bits(), piece.lsb);
        }
        if below > 0 {
            put!(out, " << {below}");
        }
    }
    out.push_str(if parentheses { ")" } else { "" });
    if cast {
        put!(out, " as {to}");
    }
}

/// Writes `Self` with the field's bits replaced by those of `value`; no method is called, for every call searches all
/// layouts.
fn builder(out: &mut String, field: &Field, value: &str, raw: &Raw) {
    put!(out, "{}", if raw.ulong { "Self(::onereg::Ulong(" } else { "Self(" });
    write(out, field, value, raw);
    put!(out, "{}, ::core::marker::PhantomData)", if raw.ulong { ")" } else { "" });
}

/// Writes the bits of `self` with those of `value` put in; the top piece takes what is left, or panics.
fn write(out: &mut String, field: &Field, value: &str, raw: &Raw) {
    let mut below = field.width();
    if below == raw.width && field.pieces.len() == 1 {
        return number(out, field, value, raw);
    }
    for _ in &field.pieces {
        put!(out, "::onereg::support::put_{}(", raw.integer);
    }
    out.push_str(raw.bits());
    for (index, piece) in field.pieces.iter().enumerate() {
        below -= piece.width();
        let mask = mask(piece.width());
        put!(out, ", ");
        number(out, field, value, raw);
        if below > 0 {
            put!(out, " >> {below}");
        }
        if index > 0 {
            put!(out, " & {mask:#x}");
        }
        put!(out, ", {mask:#x}, {})", piece.lsb);
    }
}

/// Writes `value` as an integer that computes with the bits of `self`.
fn number(out: &mut String, field: &Field, value: &str, raw: &Raw) {
    match field.kind {
        FieldKind::Enum => cast(out, "value.0", "u64", raw.integer),
        FieldKind::Int => {
            put!(out, "::onereg::support::unsigned(");
            cast(out, "value", value, "i128");
            put!(out, ", {})", field.width());
            cast(out, "", "u128", raw.integer);
        }
        _ => cast(out, "value", value, raw.integer),
    }
}

/// Writes an expression of type `from` as one of type `to`.
fn cast(out: &mut String, expression: &str, from: &str, to: &str) {
    out.push_str(expression);
    if from != to {
        put!(out, " as {to}");
    }
}

fn mask(width: u32) -> u128 {
    if width <= 64 { u128::from(low_bits(width)) } else { u128::MAX >> (128 - width.min(128)) }
}
