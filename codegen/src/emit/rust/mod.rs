//! Typed Rust: a constant, an accessor and a table entry per register, a value type per layout.
//!
//! Reading order: [`emit`], then `constants`, `layouts`, `accessors` and `table`, which write the four parts of a
//! module. Every path in the output is absolute, so that nothing around the module can change its meaning.

mod accessors;
mod constants;
mod layouts;
mod rustdoc;
mod table;
mod text;

use std::fmt;

use crate::model::{Access, Arch, FieldKind, Register, Width, size_bits};
use crate::names;

use self::text::{doc, line};

/// Where the value types `Bits` and `Enum` of a module are defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueTypes {
    /// In the parent module, which several register modules share.
    Parent,
    /// In the module itself.
    Own,
}

/// Writes the content of the module of one architecture.
pub fn emit(arch: &Arch, value_types: ValueTypes) -> String {
    let mut out = String::with_capacity(1024 * (4 + arch.registers.len()));
    head(&mut out, arch, value_types);
    constants::emit(&mut out, arch);
    layouts::emit(&mut out, arch);
    accessors::emit(&mut out, arch);
    table::emit(&mut out, arch);
    out
}

/// `pub struct Arm64;`, its table, and where the value types come from.
fn head(out: &mut String, arch: &Arch, value_types: ValueTypes) {
    let marker = arch.marker();
    line!(
        out,
        "// Generated from {} by onereg-codegen {}: do not edit.",
        arch.file,
        env!("CARGO_PKG_VERSION")
    );
    line!(out);
    match value_types {
        ValueTypes::Parent => imports(out, arch),
        ValueTypes::Own => line!(out, "::onereg::bits_types!();"),
    }
    line!(out);
    doc(out, "", format_args!("Marks registers of: {}.", arch.doc.trim_end_matches('.')));
    line!(out, "#[derive(::core::fmt::Debug, ::core::clone::Clone, ::core::marker::Copy)]");
    line!(out, "#[derive(::core::cmp::PartialEq, ::core::cmp::Eq)]");
    line!(out, "pub enum {marker} {{}}");
    line!(out);
    line!(out, "/// Marks these registers, by the name that it has in every such module.");
    line!(out, "pub type Marker = {marker};");
    line!(out);
    line!(out, "impl ::onereg::Arch for {marker} {{");
    let option = "::core::option::Option";
    match arch.code {
        Some(code) => line!(out, "    const CODE: {option}<u8> = {option}::Some({code:#x});"),
        None => line!(out, "    const CODE: {option}<u8> = {option}::None;"),
    }
    line!(out, "    const TABLE: &'static ::onereg::Table = &table::TABLE;");
    line!(out, "}}");
    line!(out);
    line!(out, "/// Every register, families expanded, sorted by id.");
    line!(out, "pub static ALL: &[::onereg::Info] = &table::REGISTERS;");
    line!(out);
    line!(out, "/// Looks up a register by its exact name.");
    line!(out, "pub fn by_name(name: &str) -> ::core::option::Option<&'static ::onereg::Info> {{");
    line!(out, "    table::TABLE.by_name(name)");
    line!(out, "}}");
    line!(out);
    line!(out, "/// Looks up a register by its 64-bit id.");
    line!(out, "pub fn by_id(id: u64) -> ::core::option::Option<&'static ::onereg::Info> {{");
    line!(out, "    table::TABLE.by_id(id)");
    line!(out, "}}");
}

/// `use super::{Bits, Enum};`, as far as there is something to use them for.
fn imports(out: &mut String, arch: &Arch) {
    let fields = || arch.layouts.iter().flat_map(|layout| &layout.fields);
    if !arch.layouts.is_empty() {
        line!(out, "use super::Bits;");
    }
    if fields().any(|field| field.kind == FieldKind::Enum) {
        line!(out, "use super::{{Enum, named}};");
    }
}

/// Type of a register's values, as named inside the module.
struct ValueType<'a>(&'a Arch, &'a Register);

impl fmt::Display for ValueType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ValueType(arch, register) = self;
        match (register.layout, register.width) {
            (Some(layout), _) => f.write_str(&arch.layouts[layout].rust),
            (None, Width::Bits(bits @ (8 | 16 | 32 | 64 | 128))) => write!(f, "u{bits}"),
            (None, Width::Bits(bits)) => write!(f, "[u8; {}]", bits / 8),
            (None, Width::Ulong) => f.write_str("::onereg::Ulong"),
            (None, Width::Vlenb) => f.write_str("::onereg::Vlenb"),
        }
    }
}

/// Type of a register: `::onereg::Reg<Arm64, u64>`.
struct RegisterType<'a> {
    arch: &'a Arch,
    marker: &'a str,
    register: &'a Register,
}

impl fmt::Display for RegisterType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let access = match self.register.access {
            Access::ReadWrite => "",
            Access::ReadOnly => ", ::onereg::ReadOnly",
            Access::WriteOnly => ", ::onereg::WriteOnly",
        };
        write!(f, "::onereg::Reg<{}, {}{access}>", self.marker, ValueType(self.arch, self.register))
    }
}

/// Place of one member of a row, as an expression.
struct PlaceOf<'a>(&'a Arch, &'a Register, u32);

impl fmt::Display for PlaceOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PlaceOf(arch, register, index) = self;
        f.write_str("::onereg::Place::")?;
        if let Some(via) = register.via {
            let carrier = names::constant(&arch.carriers[via].name, "");
            let (offset, size) = (register.offset(*index), bytes(register));
            return write!(
                f,
                "Via {{ carrier: &carrier::{carrier}, offset: {offset:#x}, size: {size} }}"
            );
        }
        let body = arch.id_body(register, *index);
        match register.width {
            _ if !arch.is_kvm() => {
                write!(f, "Plain {{ address: {body:#x}, size: {} }}", bytes(register))
            }
            Width::Bits(bits) => write!(f, "OneReg({:#018x})", body | size_bits(bits)),
            Width::Ulong => write!(f, "Xlen({body:#018x})"),
            Width::Vlenb => write!(f, "Vlenb({body:#018x})"),
        }
    }
}

fn bytes(register: &Register) -> u32 {
    register.width.bits(crate::model::Host::default()) / 8
}

/// Writes the list of all modules: `file` names the file with a module's content, as an expression for `include!`.
pub fn index(arches: &[Arch], file: impl Fn(&Arch) -> String) -> String {
    let mut out = String::new();
    for arch in arches {
        let (name, marker) = (&arch.name, arch.marker());
        doc(&mut out, "", format_args!("Registers of: {}.", arch.doc.trim_end_matches('.')));
        line!(&mut out, "pub mod {name} {{");
        line!(&mut out, "    include!({});", file(arch));
        line!(&mut out, "}}");
        line!(&mut out, "pub use {name}::{marker};");
    }
    line!(&mut out, "/// Tables of all architectures, sorted by name.");
    line!(&mut out, "pub static TABLES: &[&::onereg::Table] = &[");
    for arch in arches {
        line!(&mut out, "    <{}::{} as ::onereg::Arch>::TABLE,", arch.name, arch.marker());
    }
    line!(&mut out, "];");
    out
}
