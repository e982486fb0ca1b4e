//! The tables against the kernel: every id both ways, every write rule's origin, and the kernel's documentation.
//!
//! One module per architecture derives the ids from the kernel's text alone; none of them reads a table.

mod arm64;
mod arm64_fields;
mod carried;
mod carriers;
mod compare;
mod documentation;
mod field_macros;
mod imported;
mod loongarch;
mod mips;
mod named_bits;
mod powerpc;
mod riscv;
mod rules;
mod s390;
mod x86;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use onereg_codegen::model::Host;

use crate::kernel::Kernel;
use crate::tables;

pub use arm64_fields::check_arm64_fields;
pub use documentation::check_documentation;
pub use field_macros::check_field_macros;
pub use imported::check_imported;
pub use named_bits::check_named_bits;

/// A register id as the kernel's text defines it.
#[derive(Debug, Clone)]
pub struct Fact {
    /// Name that the table must have for it; `None` where the kernel's text gives none.
    pub name: Option<String>,
    /// Complete id, with its size bits.
    pub id: u64,
    /// Kernel file that the number comes from.
    pub source: String,
}

/// What is compared: an architecture on one kind of host.
struct Case {
    name: &'static str,
    arch: &'static str,
    xlen: u32,
    facts: fn(&Kernel) -> Result<Vec<Fact>, String>,
    exceptions: &'static [(&'static str, &'static str)],
}

const CASES: &[Case] = &[
    Case::new("arm64", arm64::facts, arm64::EXCEPTIONS),
    Case::new("loongarch", loongarch::facts, loongarch::EXCEPTIONS),
    Case::new("mips", mips::facts, mips::EXCEPTIONS),
    Case::new("powerpc", powerpc::facts, powerpc::EXCEPTIONS),
    Case { name: "riscv64", ..Case::new("riscv", riscv::facts, riscv::EXCEPTIONS) },
    Case { name: "riscv32", xlen: 32, ..Case::new("riscv", riscv::facts32, riscv::EXCEPTIONS) },
    Case::new("s390", s390::facts, s390::EXCEPTIONS),
    Case::new("x86", x86::facts, x86::EXCEPTIONS),
];

impl Case {
    const fn new(
        arch: &'static str,
        facts: fn(&Kernel) -> Result<Vec<Fact>, String>,
        exceptions: &'static [(&'static str, &'static str)],
    ) -> Self {
        Case { name: arch, arch, xlen: 64, facts, exceptions }
    }
}

/// What a comparison found.
pub struct Report {
    /// Size of both sets, and how many ids each kernel file gave.
    pub summary: String,
    /// Everything that differs, one finding each.
    pub differences: Vec<String>,
}

/// Compares the tables of one architecture (`arm64`, `riscv32`) with the kernel, and writes the source of every id to
/// `target/conformance/NAME.txt`.
///
/// # Errors
///
/// Says what could not be read.
pub fn check(name: &str) -> Result<Report, String> {
    let case =
        CASES.iter().find(|case| case.name == name).ok_or_else(|| format!("no case {name}"))?;
    let kernel = Kernel::get()?;
    let arch = tables::arch(case.arch)?;
    let facts = (case.facts)(kernel)?;
    let rows = compare::rows(&arch, Host { xlen: case.xlen, ..Host::default() });
    let mut differences = compare::differences(&rows, &facts, case.exceptions);
    differences.extend(rules::differences(&arch, |path| kernel.source(path)));
    let ids: BTreeSet<u64> = rows.iter().map(|row| row.id).collect();
    let summary = summary(case, kernel, &facts, ids.len());
    write_listing(case.name, &summary, &facts)?;
    Ok(Report { summary, differences })
}

/// Compares the registers that other ioctls carry with the structs of the uapi headers.
///
/// # Errors
///
/// Says what could not be read.
pub fn check_carriers() -> Result<Report, String> {
    let kernel = Kernel::get()?;
    let mut report = Report { summary: String::new(), differences: Vec::new() };
    let others = carried::archs().map(|arch| (arch, carried::facts(kernel, arch)));
    for (arch, facts) in others.chain([("x86", x86::via_facts(kernel))]) {
        let facts = facts?;
        report.differences.extend(carriers::differences(&tables::arch(arch)?, &facts, kernel)?);
        let (count, version) = (facts.len(), kernel.version());
        report.summary.push_str(&format!(
            "{arch}: {count} registers that other ioctls carry in Linux {version}\n"
        ));
    }
    Ok(report)
}

fn summary(case: &Case, kernel: &Kernel, facts: &[Fact], rows: usize) -> String {
    let mut sources: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for fact in facts {
        sources.entry(&fact.source).or_default().insert(fact.id);
    }
    let ids: BTreeSet<u64> = facts.iter().map(|fact| fact.id).collect();
    let (name, version) = (case.name, kernel.version());
    let mut text = format!("{name}: {} ids in Linux {version}, {rows} in the tables\n", ids.len());
    for (source, ids) in sources {
        text += &format!("  {:>4} {source}\n", ids.len());
    }
    for (name, reason) in case.exceptions {
        text += &format!("  exception {name}: {reason}\n");
    }
    text
}

fn write_listing(name: &str, summary: &str, facts: &[Fact]) -> Result<(), String> {
    let mut text = format!("{summary}\n");
    for fact in facts {
        let (name, width) = (fact.name.as_deref().unwrap_or("-"), compare::width(fact.id));
        text += &format!("{name} {:#018x} {width} {}\n", fact.id, fact.source);
    }
    let folder = tables::root().join("target/conformance");
    let file = folder.join(format!("{name}.txt"));
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&file, text))
        .map_err(|error| format!("cannot write {}: {error}", file.display()))
}
