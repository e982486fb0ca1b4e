//! What the kernel documents of registers against what `onereg generate --rst` writes: the table of two architectures,
//! and ids and their patterns of the others.

use std::collections::BTreeMap;

use onereg_codegen::emit::rst::rst;
use onereg_codegen::model::{Arch, Host};

use crate::conformance::{Report, compare};
use crate::conformance_docs::{self, DocId, DocRow, EXCEPTIONS, FILE};
use crate::kernel::Kernel;
use crate::tables;

/// Id patterns of the kernel's that none of ours agrees with, and why.
const PATTERNS: &[(&str, &str)] = &[
    ("0x6080 0000 0015 00 <n:5> <slice:5>", "66 bits"),
    ("0x6050 0000 0015 04 <n:4> <slice:5>", "65 bits"),
    ("0x6050 0000 0015 060 <slice:5>", "65 bits"),
];

/// Compares names and widths both ways.
///
/// # Errors
///
/// Says what could not be read.
pub fn check_documentation() -> Result<Report, String> {
    let theirs = Kernel::get()?.source(FILE)?;
    let section = theirs.split_once("\n4.68 ").and_then(|(_, rest)| rest.split_once("\n4.69 "));
    let (section, _) = section.ok_or_else(|| format!("{FILE}: no section 4.68"))?;
    let documented = conformance_docs::rows(section).map_err(|error| format!("{FILE}: {error}"))?;
    let mut report = Report { summary: String::new(), differences: Vec::new() };
    let mut ids = conformance_docs::ids(section);
    for arch in tables::archs_in(&tables::root())? {
        let text: String =
            rst(std::slice::from_ref(&arch)).iter().map(|file| &*file.text).collect();
        if documented.iter().any(|row| row.arch == arch.name) {
            let ours = conformance_docs::rows(&text).map_err(|e| format!("{}: {e}", arch.name))?;
            let (ours, theirs) = (widths(&ours, &arch.name), widths(&documented, &arch.name));
            let (differences, text) = compare_arch(&arch.name, &ours, &theirs);
            report.differences.extend(differences);
            report.summary += &text;
        }
        let code = u64::from(arch.code.unwrap_or_default());
        let theirs: Vec<_> = ids.extract_if(.., |id| id.bits >> 56 == code).collect();
        let differences = compare_ids(&arch, &conformance_docs::ids(&text), &theirs);
        report.summary += &format!("{}: {} ids and patterns documented\n", arch.name, theirs.len());
        report.differences.extend(differences);
    }
    Ok(report)
}

/// Widths by name.
type Widths<'a> = BTreeMap<&'a str, u64>;

fn widths<'a>(rows: &'a [DocRow], arch: &str) -> Widths<'a> {
    let rows = rows.iter().filter(|row| row.arch == arch);
    rows.map(|row| (row.name.as_str(), row.width.into())).collect()
}

fn compare_arch(arch: &str, ours: &Widths<'_>, theirs: &Widths<'_>) -> (Vec<String>, String) {
    let exceptions = || EXCEPTIONS.iter().filter(|(of, ..)| *of == arch);
    let excused = |name: &str| exceptions().any(|(_, known, _)| *known == name);
    let mut differences = Vec::new();
    for (name, width) in theirs.iter().filter(|(name, _)| !excused(name)) {
        match ours.get(name) {
            None => differences.push(format!("{arch} {name}: documented, not in the tables")),
            Some(our) if our != width => differences
                .push(format!("{arch} {name}: {width} bits are documented, the tables have {our}")),
            Some(_) => {}
        }
    }
    for name in ours.keys().filter(|name| !theirs.contains_key(*name) && !excused(name)) {
        differences.push(format!("{arch} {name}: in the tables, not documented"));
    }
    let mut text = format!("{arch}: {} documented, {} in the tables\n", theirs.len(), ours.len());
    for (_, name, reason) in exceptions() {
        text += &format!("  exception {name}: {reason}\n");
        if !ours.contains_key(name) && !theirs.contains_key(name) {
            differences.push(format!("{arch} {name}: an exception for an unknown name: remove it"));
        }
    }
    (differences, text)
}

/// Compares the ids and patterns of one architecture with the tables' ids and our patterns.
fn compare_ids(arch: &Arch, ours: &[DocId], theirs: &[DocId]) -> Vec<String> {
    let rows: Vec<_> = [32, 64]
        .iter()
        .flat_map(|xlen| compare::rows(arch, Host { xlen: *xlen, ..Host::default() }))
        .collect();
    // `regs.pc` is pc, `f[0]` is FP_D_F0, KVM_REG_ARM64_SVE_VLS is SVE_VLS.
    let is_name = |theirs: &str, our: &str| {
        let member = theirs.rsplit('.').next().unwrap_or_default().replace(['[', ']'], "");
        let (theirs, our) = (member.to_uppercase(), our.to_uppercase());
        our.ends_with(&theirs) || theirs.ends_with(&our)
    };
    let is_register = |id: &DocId| {
        let mut same = rows.iter().filter(|row| row.id & id.mask == id.bits);
        same.any(|row| is_name(&id.name, &row.name))
    };
    let agrees = |id: &DocId| {
        let given = |our: &&DocId| !our.whole && (our.bits ^ id.bits) & our.mask & id.mask == 0;
        id.width == 64 && ours.iter().any(|our| given(&our))
    };
    let wrong = ours.iter().filter(|our| our.width != 64);
    let mut differences: Vec<_> =
        wrong.map(|our| format!("{} {}: {} bits", arch.name, our.text, our.width)).collect();
    for id in theirs {
        let excused = PATTERNS.iter().any(|(text, _)| *text == id.text);
        let known = if id.whole { is_register(id) } else { agrees(id) };
        match (known, excused) {
            (true, true) => differences.push(format!("{}: an exception without need", id.text)),
            (false, false) => differences
                .push(format!("{} {} {}: not in the tables", arch.name, id.text, id.name)),
            _ => {}
        }
    }
    differences
}
