//! `onereg import`: rows for ids that no table has.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use onereg_codegen::model::{Arch, Group, MAX_WIDTH, Part};
use onereg_codegen::query::{Decoded, all_members, decode};

use super::args::ImportArgs;
use super::failure::Failure;
use super::{find, ids, tables};

/// Returns the proposed rows, and how many of the ids are known.
pub(crate) fn run(root: &Path, args: &ImportArgs) -> Result<(String, String), Failure> {
    let mut archs = tables::load(root)?;
    if let Some(name) = &args.arch {
        find::arch(&archs, name)?;
        archs.retain(|arch| arch.name == *name);
    }
    let ids: BTreeSet<u64> = ids::read(&args.file.display().to_string(), &text(&args.file)?)?;
    let mut proposal = Proposal::new(&archs);
    for id in &ids {
        proposal.add(decode(&archs, *id));
    }
    proposal.finish(ids.len())
}

/// Reads a file, or the input where it is `-`.
fn text(file: &Path) -> Result<String, Failure> {
    let text = if file.as_os_str() == "-" {
        io::read_to_string(io::stdin())
    } else {
        fs::read_to_string(file)
    };
    text.map_err(|error| Failure::new(format!("cannot read {}: {error}", file.display())))
}

/// What becomes of the ids.
struct Proposal<'a> {
    /// Names that each architecture has, in lower case.
    names: BTreeMap<&'a str, BTreeSet<String>>,
    /// Rows by group file, which stands in its architecture's folder, then by number and width.
    rows: BTreeMap<&'a str, BTreeMap<(u64, u32), String>>,
    known: usize,
    /// A line for each id without a place.
    unplaced: String,
}

impl<'a> Proposal<'a> {
    fn new(archs: &'a [Arch]) -> Self {
        let names = |arch: &'a Arch| {
            let names = all_members(arch).map(|member| member.name().to_ascii_lowercase());
            (arch.name.as_str(), names.collect())
        };
        Proposal {
            names: archs.iter().map(names).collect(),
            rows: BTreeMap::new(),
            known: 0,
            unplaced: String::new(),
        }
    }

    fn add(&mut self, decoded: Decoded<'a>) {
        match (decoded.arch, decoded.group) {
            _ if decoded.register.is_some() => self.known += 1,
            (Some(arch), Some(group)) if decoded.width <= MAX_WIDTH => {
                let name = self.free_name(arch, group, &decoded);
                let place = (decoded.number(), decoded.width);
                let rows = self.rows.entry(&group.file).or_default();
                rows.insert(place, row(&name, group, place));
            }
            _ => {
                let _ = writeln!(self.unplaced, "onereg: {}", unplaced(&decoded));
            }
        }
    }

    /// A name from the number, with the width where another register has that name.
    fn free_name(&mut self, arch: &'a Arch, group: &Group, decoded: &Decoded<'_>) -> String {
        let names = self.names.entry(&arch.name).or_default();
        let mut name = placeholder(group, decoded.number());
        while !names.insert(name.to_ascii_lowercase()) {
            let _ = write!(name, "_{}", decoded.width);
        }
        name
    }

    fn finish(self, ids: usize) -> Result<(String, String), Failure> {
        let mut output = String::new();
        for (file, rows) in &self.rows {
            let _ = writeln!(output, "# {file}");
            output.extend(rows.values().map(String::as_str));
        }
        let known = format!("{} of {ids} ids are known\n", self.known);
        if self.unplaced.is_empty() {
            return Ok((output, known));
        }
        Err(Failure { output, message: self.unplaced + &known })
    }
}

/// Writes a row, as it stands under `registers:`.
fn row(name: &str, group: &Group, (number, width): (u64, u32)) -> String {
    let part = |part: &Part| match part.of(number) {
        small @ 0..16 => format!("{}: {small}", part.name),
        large => format!("{}: {large:#x}", part.name),
    };
    let number = match group.parts.as_slice() {
        [] => format!("{number:#x}"),
        parts => format!("{{{}}}", parts.iter().map(part).collect::<Vec<_>>().join(", ")),
    };
    format!("  - {{name: {name}, width: {width}, number: {number}, doc: \"To be described\"}}\n")
}

/// Names a register by its number: as assemblers name a system register of arm64, else by group.
fn placeholder(group: &Group, number: u64) -> String {
    let parts: Vec<_> =
        group.parts.iter().map(|part| (part.name.as_str(), part.of(number))).collect();
    match parts.as_slice() {
        [("op0", op0), ("op1", op1), ("crn", crn), ("crm", crm), ("op2", op2)] => {
            format!("S{op0}_{op1}_C{crn}_C{crm}_{op2}")
        }
        _ => format!("{}_{number:#x}", group.name.to_ascii_uppercase()),
    }
}

/// Says why an id has no place, and its parts.
fn unplaced(decoded: &Decoded<'_>) -> String {
    let id = format!("{:#018x}", decoded.id);
    let parts = format!("{} bits, number {:#x}", decoded.width, decoded.number());
    match (decoded.arch, decoded.group) {
        (Some(arch), Some(group)) => {
            format!("{id}: no row is so wide: {}, {}, {parts}", arch.name, group.name)
        }
        (Some(arch), None) => format!("{id}: no group of {} has it: {parts}", arch.name),
        (None, _) => {
            format!("{id}: no table is for its architecture: code {:#04x}, {parts}", decoded.code())
        }
    }
}
