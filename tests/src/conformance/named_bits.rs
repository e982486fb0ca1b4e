//! Fields against what names bits in the kernel's headers: macros, as `SPEC_CTRL_IBRS` and `FSCR_TAR_LG`, and members of
//! structs.
//!
//! Every one that belongs to a register is evaluated, and must be the bits of a field of its name. The headers name a
//! part of the bits only: fields that they do not name are counted, and are no difference. A field that has the name of
//! a macro and other bits is one, and so is a macro for bits that have no name in the tables.

mod macros;
mod members;
mod powerpc;
mod x86;

use std::collections::BTreeSet;

use onereg_codegen::model::{Arch, Field, Host, Layout};

use crate::conformance::Report;
use crate::conformance::x86::without_comments;
use crate::kernel::Kernel;
use crate::tables;

/// What is compared of one architecture.
struct Case {
    arch: &'static str,
    /// C text that the headers rely on.
    prelude: &'static str,
    headers: &'static [Header],
    /// Macros and members that are no field, with the reason.
    exceptions: &'static [(&'static str, &'static str)],
}

/// A header, and the registers whose bits it names.
struct Header {
    path: &'static str,
    /// Another one whose macros it uses.
    uses: Option<&'static str>,
    /// Endings of the macros that are the number of a bit, where the others are masks.
    numbers: &'static [&'static str],
    registers: &'static [Bits],
}

/// The macros of a register, or its struct.
struct Bits {
    /// What the macros begin with; the struct, with its keyword: `union hv_synic_sint`.
    prefix: &'static str,
    register: &'static str,
    /// Where bit 0 of the macros is in the register.
    shift: u32,
}

impl Bits {
    const fn new(prefix: &'static str, register: &'static str) -> Self {
        Bits { prefix, register, shift: 0 }
    }

    const fn upper(prefix: &'static str, register: &'static str) -> Self {
        Bits { prefix, register, shift: 32 }
    }
}

/// What a macro or a member is called, and C text that has its bits as value.
struct Candidate<'a> {
    name: String,
    of: &'a Bits,
    expression: String,
}

/// The bits that a macro or a member names.
struct Fact<'a> {
    name: String,
    of: &'a Bits,
    mask: u64,
}

impl Fact<'_> {
    /// The macro's name without what it has to say that it is a mask or a number.
    fn stem(&self) -> &str {
        ENDINGS.iter().find_map(|end| self.name.strip_suffix(end)).unwrap_or(&self.name)
    }
}

/// Endings that a macro has and its field has not.
const ENDINGS: &[&str] = &["_MASK", "_BIT", "_LG", "_IDX"];

/// Compares the fields of one architecture with the kernel's macros.
///
/// # Errors
///
/// Says what could not be read.
pub fn check_named_bits(name: &str) -> Result<Report, String> {
    let case = [powerpc::CASE, x86::CASE].into_iter().find(|case| case.arch == name);
    let case = case.ok_or_else(|| format!("no case {name}"))?;
    let (kernel, arch) = (Kernel::get()?, tables::arch(name)?);
    let mut facts = Vec::new();
    let mut text = String::new();
    let mut names = BTreeSet::new();
    for header in case.headers {
        let (prelude, candidates) = read(kernel, header)?;
        names.extend(candidates.iter().map(|candidate| candidate.name.clone()));
        let found = evaluated(kernel, &case, &prelude, candidates)?;
        let compared = found.iter().filter(|fact| !is_excused(&case, fact)).count();
        text += &format!("  {compared:>4} {}\n", header.path);
        facts.extend(found);
    }
    let mut differences = differences(&arch, &case, &facts);
    differences.extend(gone(&case, &names));
    differences.extend(strange(&arch, &facts));
    let heading = heading(&arch, &case, &facts, kernel.version());
    Ok(Report { summary: heading + &text, differences })
}

/// Reads a header: C text with all that it defines, and what in it names bits.
fn read<'a>(kernel: &Kernel, header: &'a Header) -> Result<(String, Vec<Candidate<'a>>), String> {
    let source = without_comments(&kernel.source(header.path)?);
    let used = header.uses.map_or(Ok(String::new()), |path| kernel.source(path))?;
    let mut prelude = macros::defines(&without_comments(&used)) + &macros::defines(&source);
    prelude += &macros::enums(&source);
    let mut candidates = macros::candidates(header, &source);
    for of in header.registers.iter().filter(|bits| bits.prefix.contains(' ')) {
        let definition = members::definition(&source, of.prefix)
            .ok_or_else(|| format!("{}: expected {}", header.path, of.prefix))?;
        candidates.extend(members::candidates(definition, of));
        prelude += definition;
    }
    Ok((prelude, candidates))
}

/// Evaluates the candidates of a header.
fn evaluated<'a>(
    kernel: &Kernel,
    case: &Case,
    prelude: &str,
    candidates: Vec<Candidate<'a>>,
) -> Result<Vec<Fact<'a>>, String> {
    let expressions: Vec<String> =
        candidates.iter().map(|candidate| candidate.expression.clone()).collect();
    let masks = kernel.c_values(case.arch, &(case.prelude.to_owned() + prelude), &expressions)?;
    let fact = |(Candidate { name, of, .. }, mask)| Fact { name, of, mask: mask << of.shift };
    Ok(candidates.into_iter().zip(masks).map(fact).collect())
}

/// Lists exceptions for what is not there.
fn gone(case: &Case, names: &BTreeSet<String>) -> Vec<String> {
    let gone = case.exceptions.iter().filter(|(name, _)| !names.contains(*name));
    gone.map(|(name, _)| format!("{name}: nothing of the kernel has this name: remove it"))
        .collect()
}

/// Lists the other names in the tables that the kernel does not have for bits of the same layout.
fn strange(arch: &Arch, facts: &[Fact<'_>]) -> Vec<String> {
    let of_kernel: BTreeSet<(&str, &str)> = facts
        .iter()
        .filter_map(|fact| Some((layout(arch, fact.of.register)?.name.as_str(), &*fact.name)))
        .collect();
    let fields = arch.layouts.iter().flat_map(|of| of.fields.iter().map(move |field| (of, field)));
    let names = fields.flat_map(|(of, field)| field.also.iter().map(move |also| (of, field, also)));
    let strange = names.filter(|(of, _, also)| !of_kernel.contains(&(of.name.as_str(), also)));
    strange
        .map(|(of, field, also)| {
            format!("{}.{}: the kernel has no {also} there: remove it", of.name, field.name)
        })
        .collect()
}

fn is_excused(case: &Case, fact: &Fact<'_>) -> bool {
    case.exceptions.iter().any(|(name, _)| *name == fact.name)
}

/// Lists the facts that are not the bits of their field, and exceptions that are.
fn differences(arch: &Arch, case: &Case, facts: &[Fact<'_>]) -> Vec<String> {
    let judged = facts.iter().filter_map(|fact| {
        let Some(layout) = layout(arch, fact.of.register) else {
            return Some(format!(
                "{}: {} has no fields in the tables",
                fact.name, fact.of.register
            ));
        };
        match (difference(layout, fact), is_excused(case, fact)) {
            (found, false) => found,
            (Some(_), true) => None,
            (None, true) => Some(format!("{}: an exception without need: remove it", fact.name)),
        }
    });
    judged.collect()
}

fn difference(layout: &Layout, fact: &Fact<'_>) -> Option<String> {
    let Fact { name, of, mask } = fact;
    let at = || {
        let here = layout.fields.iter().filter(|field| bits(field) & mask != 0);
        here.map(|field| format!("{} {:#x}", field.name, bits(field)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    if is_reserved(fact) {
        let reserved = layout.fields.iter().filter(|field| field.kind.is_reserved());
        let reserved = reserved.fold(0, |all, field| all | bits(field));
        let text =
            || format!("{name} reserves {mask:#x} of {}; the tables have {}", of.register, at());
        return (mask & !reserved != 0).then(text);
    }
    match field(layout, fact) {
        Some(field) if bits(field) == *mask => None,
        Some(field) => Some(format!(
            "{name} is {mask:#x} of {}; the tables have {:#x} for {}",
            of.register,
            bits(field),
            field.name
        )),
        None => Some(format!("{name} is {mask:#x} of {}; the tables have {}", of.register, at())),
    }
}

/// Whether a name says that bits are reserved.
fn is_reserved(fact: &Fact<'_>) -> bool {
    let last = fact.stem().rsplit(['_', '.']).next();
    last.is_some_and(|word| ["RESERVED", "RSVD", "FIXED"].contains(&word))
}

/// Finds the field of a macro: the one that also has this name, or whose name is most of the macro's end.
fn field<'a>(layout: &'a Layout, fact: &Fact<'_>) -> Option<&'a Field> {
    let named = |name: &str| {
        let mut fields = layout.fields.iter().filter(|field| !field.kind.is_reserved());
        fields.find(|field| letters(&field.name) == letters(name))
    };
    let mut fields = layout.fields.iter();
    if let Some(field) = fields.find(|field| field.also.contains(&fact.name)) {
        return Some(field);
    }
    let stem = fact.stem();
    let ends = stem.match_indices(['_', '.']).map(|(at, _)| &stem[at + 1..]);
    [stem].into_iter().chain(ends).find_map(named)
}

/// Spells a name as both the kernel and the manuals do: without case, underscores and hyphens.
fn letters(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-')).map(|c| c.to_ascii_uppercase()).collect()
}

fn bits(field: &Field) -> u64 {
    let piece = |msb: u32, lsb: u32| (u64::MAX >> (63 - (msb - lsb))) << lsb;
    field.pieces.iter().fold(0, |all, bits| all | piece(bits.msb, bits.lsb))
}

/// Returns the layout of a register, by the name of a single one or of a family's row.
fn layout<'a>(arch: &'a Arch, name: &str) -> Option<&'a Layout> {
    let register = arch.registers.iter().find(|register| register.name.text == name)?;
    arch.layout(register, Host::default())
}

/// Says how much was compared.
fn heading(arch: &Arch, case: &Case, facts: &[Fact<'_>], version: &str) -> String {
    let facts: Vec<&Fact<'_>> = facts.iter().filter(|fact| !is_excused(case, fact)).collect();
    let mut layouts: Vec<&Layout> =
        facts.iter().filter_map(|fact| layout(arch, fact.of.register)).collect();
    layouts.sort_by_key(|layout| &layout.name);
    layouts.dedup_by_key(|layout| &layout.name);
    let all = layouts.iter().flat_map(|layout| &layout.fields);
    let all = all.filter(|field| !field.kind.is_reserved()).count();
    let named: BTreeSet<(&str, &str)> = facts
        .iter()
        .filter_map(|fact| {
            let layout = layout(arch, fact.of.register)?;
            Some((layout.name.as_str(), field(layout, fact)?.name.as_str()))
        })
        .collect();
    format!(
        "{}: {} names of bits in Linux {version} compared with {} layouts, {} of whose {all} fields they name\n",
        arch.name,
        facts.len(),
        layouts.len(),
        named.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use onereg_codegen::{Sources, load};

    const ARCH: &str = "arch: test\ncode: 0x50\nkernel: \"7.3\"\ndoc: \"Test\"\nverified: \"no\"\none_reg: true\n\
        reg_list: false\ngroups:\n  core: {file: core.yaml, base: 0, number: \"15..0\", doc: \"Core\"}\n";
    const CORE: &str = "registers:\n  - {name: B, width: 8, number: 1, doc: \"B\"}\n  - name: A\n    width: 8\n    number: 0\n    \
        doc: \"A\"\n    fields: {EN: {bits: 7, also: A_ENABLE_LG}, Mode: [\"6..5\", 0], NEXT: \"4..2\", RES0: 1}\n";

    const CASE: Case = Case {
        arch: "test",
        prelude: "",
        headers: &[],
        exceptions: &[("A_SUM", "why"), ("A_GOOD_NEXT", "why")],
    };

    #[test]
    fn a_macro_must_be_the_bits_of_the_field_of_its_name() {
        let read =
            |path: &str| Ok(if path == "arch.yaml" { ARCH.to_owned() } else { CORE.to_owned() });
        let arch = load(&Sources::gather("arch.yaml", read)).expect("the table is valid");
        let cases: &[(&str, &str, u64, &[&str])] = &[
            ("A_ENABLE_LG", "A", 0x80, &[]),
            ("A_MODE_MASK", "A", 0x61, &[]),
            ("A_RSVD", "A", 2, &[]),
            ("A_NEXT", "A", 8, &["A_NEXT is 0x8 of A; the tables have 0x1c for NEXT"]),
            ("A_OTHER", "A", 0x14, &["A_OTHER is 0x14 of A; the tables have NEXT 0x1c"]),
            ("A_RSVD", "A", 3, &["A_RSVD reserves 0x3 of A; the tables have Mode 0x61, RES0 0x2"]),
            ("A_SUM", "A", 0x90, &[]),
            ("A_SUM", "A", 2, &[]),
            ("A_GOOD_NEXT", "A", 0x1c, &["A_GOOD_NEXT: an exception without need: remove it"]),
            ("B_ON", "B", 1, &["B_ON: B has no fields in the tables"]),
        ];
        for (name, register, mask, expected) in cases {
            let of = Bits::new("", register);
            let fact = Fact { name: (*name).to_owned(), of: &of, mask: *mask };
            assert_eq!(differences(&arch, &CASE, &[fact]), *expected, "{name}");
        }
        let names = BTreeSet::from(["A_SUM".to_owned()]);
        assert_eq!(
            gone(&CASE, &names),
            ["A_GOOD_NEXT: nothing of the kernel has this name: remove it"]
        );
        assert_eq!(strange(&arch, &[]), ["A.EN: the kernel has no A_ENABLE_LG there: remove it"]);
    }
}
