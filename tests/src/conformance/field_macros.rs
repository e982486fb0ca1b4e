//! The bits of registers against the macros by which the kernel's private headers name them.
//!
//! A header is compiled as for assembly, where it has macros alone: every value is the compiler's. One module per
//! architecture says what its macros are of, and what of them is known to differ.

mod compare;
mod header;
mod loongarch;
mod mips;
mod riscv;
mod s390;

use onereg_codegen::model::Host;

use crate::conformance::Report;
use crate::kernel::Kernel;
use crate::tables;

/// What an architecture's headers say of its fields, and where the tables say it otherwise.
struct Case {
    name: &'static str,
    arch: &'static str,
    xlen: u32,
    /// C text that comes before each header: the kernel's configuration.
    config: &'static str,
    headers: &'static [Header],
    bitmaps: &'static [Bitmap],
    /// What macros begin with that are values of a field, which no mask's name says, and the mask, or the table's field.
    values: &'static [(&'static str, &'static str)],
    /// Macros that the tables have as values of another name.
    synonyms: Listed,
    /// Such macros that the tables do not have so, with the reason.
    exceptions: Listed,
    /// Macros that are not compared, with the reason.
    left_out: Listed,
    /// Fields that no macro names, and their register.
    unnamed: Listed,
}

/// Names, separated by spaces, and what holds for them.
type Listed = &'static [(&'static str, &'static str)];

/// Lists the names alone.
fn words(listed: Listed) -> impl Iterator<Item = &'static str> {
    pairs(listed).map(|(name, _)| name)
}

/// Lists each name with what holds for it.
fn pairs(listed: Listed) -> impl Iterator<Item = (&'static str, &'static str)> {
    listed.iter().flat_map(|(names, what)| names.split(' ').map(|name| (name, *what)))
}

/// A header and its macros that are compared.
struct Header {
    path: &'static str,
    /// What the end of a macro's name says of its value.
    suffixes: &'static [(&'static str, Role)],
    groups: &'static [Group],
}

/// An enum of a uapi header whose constants number the bits of one register after another.
struct Bitmap {
    path: &'static str,
    name: &'static str,
    words: &'static [Group],
}

/// What the macros that begin alike are, and whose bits.
struct Group {
    prefix: &'static str,
    role: Role,
    registers: &'static [&'static str],
}

impl Group {
    const fn masks(prefix: &'static str, registers: &'static [&'static str]) -> Group {
        Group { prefix, role: Role::Mask, registers }
    }
}

/// What the value of a macro is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// All bits of a field.
    Mask,
    /// The number of a flag's bit.
    Flag,
    /// The number of a field's least significant bit.
    Lowest,
    /// The number of a field's most significant bit.
    Highest,
    /// How many bits a field has.
    Width,
}

const CASES: &[&Case] = &[&loongarch::CASE, &mips::CASE, &riscv::CASE, &riscv::CASE32, &s390::CASE];

/// Compares the fields of one architecture (`mips`, `riscv32`) with the macros of the kernel's headers, both ways.
///
/// # Errors
///
/// Says what could not be read or compiled.
pub fn check_field_macros(name: &str) -> Result<Report, String> {
    let case =
        CASES.iter().find(|case| case.name == name).ok_or_else(|| format!("no case {name}"))?;
    let kernel = Kernel::get()?;
    let arch = tables::arch(case.arch)?;
    let mut macros = Vec::new();
    for header in case.headers {
        macros.extend(header::macros(kernel, case, header)?);
    }
    for bitmap in case.bitmaps {
        macros.extend(header::constants(kernel, case, bitmap)?);
    }
    let host = Host { xlen: case.xlen, ..Host::default() };
    let found = compare::compare(case, &arch, host, &macros);
    Ok(Report { summary: summary(case, kernel, &found), differences: found.differences })
}

fn summary(case: &Case, kernel: &Kernel, found: &compare::Found) -> String {
    let headers = case.headers.iter().map(|header| header.path);
    let paths: Vec<_> = headers.chain(case.bitmaps.iter().map(|bitmap| bitmap.name)).collect();
    let (name, version) = (case.name, kernel.version());
    let mut text = format!(
        "{name}: {} fields and {} values named by macros of Linux {version} ({}), {} of them otherwise; {} fields by none\n",
        found.fields,
        found.values,
        paths.join(", "),
        pairs(case.synonyms).count(),
        found.unnamed,
    );
    for (name, reason) in case.exceptions.iter().chain(case.left_out) {
        text += &format!("  exception {name}: {reason}\n");
    }
    text
}
