//! The kernel's own table of registers, which covers two architectures, against ours.

use std::collections::BTreeMap;

use onereg_codegen::model::Host;

use crate::conformance::{Report, compare};
use crate::conformance_docs::{self, DocRow, EXCEPTIONS};
use crate::kernel::Kernel;
use crate::tables;

/// Compares names and widths both ways.
///
/// # Errors
///
/// Says what could not be read.
pub fn check_documentation() -> Result<Report, String> {
    let documented = conformance_docs::rows(Kernel::get()?)?;
    let mut report = Report { summary: String::new(), differences: Vec::new() };
    for arch in ["mips", "powerpc"] {
        let ours = compare::rows(&tables::arch(arch)?, Host::default());
        let ours = ours.iter().map(|row| (row.name.as_str(), compare::width(row.id))).collect();
        let theirs = documented.iter().filter(|row| row.arch == arch);
        let theirs = theirs.map(|row: &DocRow| (row.name.as_str(), u64::from(row.width))).collect();
        let (differences, text) = compare_arch(arch, &ours, &theirs);
        report.differences.extend(differences);
        report.summary += &text;
    }
    Ok(report)
}

/// Widths by name.
type Widths<'a> = BTreeMap<&'a str, u64>;

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
