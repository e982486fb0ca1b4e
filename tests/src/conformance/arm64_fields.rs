//! The bits of arm64's registers, against the definitions that the kernel has of them.

mod definitions;
mod macros;

use std::collections::BTreeMap;

use onereg_codegen::model::{Arch, Field, Layout, Register};

use self::definitions::{Definition, definitions};
use self::macros::{Values, values};
use crate::conformance::Report;
use crate::kernel::Kernel;
use crate::tables;

const SYSREG: &str = "arch/arm64/tools/sysreg";

/// Bits of a register in the kernel's file.
const WIDTH: usize = 64;

/// What differs on purpose.
struct Known {
    register: &'static str,
    /// What the kernel calls it: a field, `RES0`, or `FIELD.VALUE`.
    theirs: &'static str,
    /// What the tables call it.
    ours: &'static str,
    reason: &'static str,
}

impl Known {
    const fn new(
        register: &'static str,
        theirs: &'static str,
        ours: &'static str,
        reason: &'static str,
    ) -> Self {
        Known { register, theirs, ours, reason }
    }
}

const KNOWN: &[Known] = &[
    Known::new("MDSCR_EL1", "RES0", "EnSTEPOP", "the manual has FEAT_STEP2"),
    Known::new("ID_AA64MMFR0_EL1", "TGRAN4_2.TGRAN4", "AS_STAGE1", SEE_STAGE1),
    Known::new("ID_AA64MMFR0_EL1", "TGRAN64_2.TGRAN64", "AS_STAGE1", SEE_STAGE1),
    Known::new("ID_AA64MMFR0_EL1", "TGRAN16_2.TGRAN16", "AS_STAGE1", SEE_STAGE1),
    Known::new("CLIDR_EL1", "Ttypen", "Ttype7", SPLIT),
    Known::new("CLIDR_EL1", "Ttypen", "Ttype6", SPLIT),
    Known::new("CLIDR_EL1", "Ttypen", "Ttype5", SPLIT),
    Known::new("CLIDR_EL1", "Ttypen", "Ttype4", SPLIT),
    Known::new("CLIDR_EL1", "Ttypen", "Ttype3", SPLIT),
    Known::new("CLIDR_EL1", "Ttypen", "Ttype2", SPLIT),
    Known::new("CLIDR_EL1", "Ttypen", "Ttype1", SPLIT),
    Known::new("VTCR_EL2", "SH0.OUTER", "nothing", OUTER),
    Known::new("VTCR_EL2", "SH0.nothing", "OUTER", OUTER),
];

const SEE_STAGE1: &str = "says more than the name of the other field";

const SPLIT: &str = "a field a level, as in the manual";

const OUTER: &str = "outer shareable is 2 in the manual and in every other register";

/// Compares names, bits and values both ways, for every register that both describe.
///
/// # Errors
///
/// Says what could not be read.
pub fn check_arm64_fields() -> Result<Report, String> {
    let kernel = Kernel::get()?;
    let arch = tables::arch("arm64")?;
    let definitions = definitions(&kernel.source(SYSREG)?)?;
    let values = values(kernel)?;
    Ok(compare(&arch, &definitions, &values, KNOWN))
}

/// A difference: what the kernel and the tables call the same thing.
#[derive(Debug, PartialEq, Eq)]
struct Difference {
    register: String,
    theirs: String,
    ours: String,
    /// `bits 3..0`
    place: String,
}

fn compare(
    arch: &Arch,
    definitions: &BTreeMap<String, Vec<Definition>>,
    macros: &[Values],
    known: &[Known],
) -> Report {
    let (mut registers, mut fields, mut values, mut alone) = (0, 0, 0, 0);
    let mut found = Vec::new();
    for register in &arch.registers {
        let layout = register.layout.and_then(|layout| arch.layouts.get(layout));
        let name = register.name.member(0);
        for Values { field, values: theirs, .. } in macros.iter().filter(|v| v.register == name) {
            let ours =
                layout.and_then(|layout| layout.fields.iter().find(|our| our.name == *field));
            values += theirs.len();
            found.extend(differing_values(&name, field, ours, theirs));
        }
        let Some(theirs) = definitions.get(&name) else {
            alone += usize::from(layout.is_some());
            continue;
        };
        let Some(layout) = layout else {
            found.extend(undescribed(register, theirs));
            continue;
        };
        registers += 1;
        fields += theirs.iter().filter(|field| !is_reserved(&field.name)).count();
        values += theirs.iter().map(|field| field.values.len()).sum::<usize>();
        found.extend(differing_bits(&name, layout, theirs));
        for their in theirs.iter().filter(|their| !their.values.is_empty()) {
            let ours = field_at(layout, their);
            found.extend(differing_values(&name, &their.name, ours, &their.values));
        }
    }
    let mut summary = format!(
        "arm64: {fields} fields of {registers} registers in {SYSREG}, {values} values; \
         {alone} rows with fields are not there\n"
    );
    for Known { register, theirs, ours, reason } in known {
        summary += &format!("  {register}: {theirs} is {ours} here: {reason}\n");
    }
    Report { summary, differences: unexplained(&found, known) }
}

/// Lists the differences that are not known, and the known ones that are none.
fn unexplained(found: &[Difference], known: &[Known]) -> Vec<String> {
    let explains = |known: &Known, found: &Difference| {
        (known.register, known.theirs, known.ours)
            == (found.register.as_str(), found.theirs.as_str(), found.ours.as_str())
    };
    let new = found.iter().filter(|found| !known.iter().any(|known| explains(known, found)));
    let new = new.map(|Difference { register, theirs, ours, place }| {
        format!("{register}, {place}: {theirs} in Linux, {ours} in the tables")
    });
    let stale = known.iter().filter(|known| !found.iter().any(|found| explains(known, found)));
    let stale = stale.map(|Known { register, theirs, ours, .. }| {
        format!("{register}: {theirs} is not {ours} here: remove it from what is known")
    });
    new.chain(stale).collect()
}

/// Finds a register without fields that the kernel gives some; one that is a single number needs none.
fn undescribed(register: &Register, theirs: &[Definition]) -> Option<Difference> {
    let is_number = matches!(theirs, [Definition { msb: 63, lsb: 0, .. }]);
    (!is_number).then(|| Difference {
        register: register.name.member(0),
        theirs: "fields".to_owned(),
        ours: "none".to_owned(),
        place: "bits 63..0".to_owned(),
    })
}

/// A bit: the field or the kind of reserved bits that it belongs to, and which bit of the field it is.
type Bit<'a> = (&'a str, u32);

/// Lists the runs of bits that belong to other fields here than there.
fn differing_bits(register: &str, layout: &Layout, theirs: &[Definition]) -> Vec<Difference> {
    let mut found: Vec<(usize, usize, &str, &str)> = Vec::new();
    let (ours, theirs) = (our_bits(layout), their_bits(layout, theirs));
    for (bit, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        if ours == theirs {
            continue;
        }
        match found.last_mut() {
            Some((_, msb, our, their)) if (*msb + 1, *our, *their) == (bit, ours.0, theirs.0) => {
                *msb = bit;
            }
            _ => found.push((bit, bit, ours.0, theirs.0)),
        }
    }
    let difference = |(lsb, msb, ours, theirs): (usize, usize, &str, &str)| Difference {
        register: register.to_owned(),
        theirs: theirs.to_owned(),
        ours: ours.to_owned(),
        place: format!("bits {msb}..{lsb}"),
    };
    found.into_iter().map(difference).collect()
}

/// Says of each bit what it belongs to in the tables; those that a narrower register lacks are reserved.
fn our_bits(layout: &Layout) -> [Bit<'_>; WIDTH] {
    let mut bits = [("RES0", 0); WIDTH];
    for field in &layout.fields {
        let reserved = field.kind.is_reserved();
        let mut number = 0;
        for bit in field.pieces.iter().rev().flat_map(|piece| piece.lsb..=piece.msb) {
            if let Some(place) = bits.get_mut(bit as usize) {
                *place = (&field.name, number);
            }
            number += u32::from(!reserved);
        }
    }
    bits
}

/// Says of each bit what it belongs to in the kernel's file; the name that a field also has is the field's.
fn their_bits<'a>(layout: &'a Layout, definitions: &'a [Definition]) -> [Bit<'a>; WIDTH] {
    let mut bits = [("nothing", 0); WIDTH];
    for definition in definitions {
        let field = layout.fields.iter().find(|field| field.also.contains(&definition.name));
        let name = field.map_or(&definition.name, |field| &field.name);
        for bit in definition.lsb..=definition.msb {
            if let Some(place) = bits.get_mut(bit as usize) {
                let reserved = is_reserved(&definition.name);
                *place = (name, if reserved { 0 } else { bit - definition.lsb });
            }
        }
    }
    bits
}

fn is_reserved(name: &str) -> bool {
    matches!(name, "RES0" | "RES1" | "RAZ" | "UNKN")
}

/// Returns the field that has the bits of the kernel's.
fn field_at<'a>(layout: &'a Layout, their: &Definition) -> Option<&'a Field> {
    let bits = [(their.msb, their.lsb)];
    layout.fields.iter().find(|our| our.pieces.iter().map(|piece| (piece.msb, piece.lsb)).eq(bits))
}

/// Lists the values that only one side names, or that are named otherwise.
fn differing_values(
    register: &str,
    field: &str,
    ours: Option<&Field>,
    theirs: &[(String, u64)],
) -> Vec<Difference> {
    let ours = ours.into_iter().flat_map(|field| &field.values);
    let mut ours: BTreeMap<u64, &str> =
        ours.map(|value| (value.value, value.name.as_str())).collect();
    let mut found = Vec::new();
    for (name, value) in theirs {
        let our = ours.remove(value).unwrap_or("nothing");
        if !is_same_value(name, our) {
            found.push((*value, name.as_str(), our));
        }
    }
    found.extend(ours.into_iter().map(|(value, our)| (value, "nothing", our)));
    let difference = |(value, theirs, ours): (u64, &str, &str)| Difference {
        register: register.to_owned(),
        theirs: format!("{field}.{theirs}"),
        ours: ours.to_owned(),
        place: format!("value {value}"),
    };
    found.into_iter().map(difference).collect()
}

/// Whether two names of a value are one, spelled so that it begins with a letter here: `52_BIT` and `BITS_52`.
fn is_same_value(theirs: &str, ours: &str) -> bool {
    let digits = |name: &str| name.chars().filter(char::is_ascii_digit).collect::<String>();
    theirs == ours
        || theirs.starts_with(|c: char| c.is_ascii_digit()) && digits(theirs) == digits(ours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use onereg_codegen::{Sources, load};

    const ARCH: &str = "arch: test\ncode: 0x50\nkernel: \"7.3\"\ndoc: \"Test\"\nverified: \"no\"\n\
        one_reg: true\nreg_list: false\ngroups:\n  core: {file: core.yaml, base: 0, number: \"15..0\", doc: \"Core\"}\n";
    const ROW: &str = "registers:\n  - name: A\n    width: 32\n    number: 0\n    doc: \"A\"\n    fields:\n      \
        F: {bits: \"5..4\", enum: {NI: 0, BITS_52: 2}}\n      L: 0\n      RES0: [\"31..6\", \"3..1\"]\n";

    fn found(text: &str, known: &[Known]) -> Vec<String> {
        let read =
            |path: &str| Ok(if path == "arch.yaml" { ARCH.to_owned() } else { ROW.to_owned() });
        let arch = load(&Sources::gather("arch.yaml", read)).expect("the table is valid");
        let theirs = definitions(&format!("Sysreg A 3 0 0 0 0\n{text}EndSysreg\n")).unwrap();
        compare(&arch, &theirs, &[], known).differences
    }

    #[test]
    fn every_kind_of_difference_is_found() {
        let enumeration = "Enum 5:4 F\n0b00 NI\n0b10 52_BIT\nEndEnum\n";
        let same = format!("Res0 63:6\n{enumeration}Res0 3:1\nField 0 L\n");
        let cases: &[(String, &[&str])] = &[
            (same.clone(), &[]),
            (same.replace("0 L", "0 M"), &["A, bits 0..0: M in Linux, L in the tables"]),
            (
                same.replace("Res0 3:1\nField 0 L", "Res0 3:2\nField 1 L\nRes0 0"),
                &[
                    "A, bits 0..0: RES0 in Linux, L in the tables",
                    "A, bits 1..1: L in Linux, RES0 in the tables",
                ],
            ),
            (same.replace("63:6", "63:7"), &["A, bits 6..6: nothing in Linux, RES0 in the tables"]),
            (
                same.replace("Res0 3:1", "Raz 3:1"),
                &["A, bits 3..1: RAZ in Linux, RES0 in the tables"],
            ),
            (same.replace("NI", "IMP"), &["A, value 0: F.IMP in Linux, NI in the tables"]),
            (
                same.replace("0b10 52", "0b01 52"),
                &[
                    "A, value 1: F.52_BIT in Linux, nothing in the tables",
                    "A, value 2: F.nothing in Linux, BITS_52 in the tables",
                ],
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(found(text, &[]), *expected, "{text}");
        }
        let renamed = Known::new("A", "M", "L", "why");
        assert_eq!(found(&same.replace("0 L", "0 M"), &[renamed]), [""; 0]);
        let stale = Known::new("A", "M", "L", "why");
        assert_eq!(found(&same, &[stale]), ["A: M is not L here: remove it from what is known"]);
    }
}
