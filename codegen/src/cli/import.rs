//! `onereg import`: rows for ids that no table has, from a list, a host profile or a diff of headers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use onereg_codegen::header::{self, Added};
use onereg_codegen::model::{Arch, Group, MAX_WIDTH, Part, Width};
use onereg_codegen::query::{Decoded, all_members, decode};

use super::args::ImportArgs;
use super::failure::Failure;
use super::text::place;
use super::{find, ids, tables};

/// Returns the proposed rows, and how many of the ids are known.
pub(crate) fn run(root: &Path, args: &ImportArgs) -> Result<(String, String), Failure> {
    let mut archs = tables::load(root)?;
    if let Some(name) = &args.arch {
        find::arch(&archs, name)?;
        archs.retain(|arch| arch.name == *name);
    }
    let (file, text) = (args.file.display().to_string(), text(&args.file)?);
    let mut proposal = Proposal::new(&archs);
    if header::is_diff(&text) {
        for added in header::added(&archs, &text) {
            let (line, column) = place(&text, added.offset);
            proposal.add_macro(&added, &format!("{file}:{line}:{column}"));
        }
    } else {
        for id in ids::read(&file, &text, &archs)? {
            proposal.add(decode(&archs, id), None);
        }
    }
    proposal.finish()
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
    archs: &'a [Arch],
    /// Names that each architecture has, in lower case.
    names: BTreeMap<&'a str, BTreeSet<String>>,
    /// Rows by group file, which stands in its architecture's folder, then by number and width.
    rows: BTreeMap<&'a str, BTreeMap<(u64, u32), String>>,
    ids: BTreeSet<u64>,
    known: usize,
    /// A line for each id without a place, and for each macro without an id.
    unplaced: String,
}

impl<'a> Proposal<'a> {
    fn new(archs: &'a [Arch]) -> Self {
        let names = |arch: &'a Arch| {
            let names = all_members(arch).map(|member| member.name().to_ascii_lowercase());
            (arch.name.as_str(), names.collect())
        };
        Proposal {
            archs,
            names: archs.iter().map(names).collect(),
            rows: BTreeMap::new(),
            ids: BTreeSet::new(),
            known: 0,
            unplaced: String::new(),
        }
    }

    /// Adds the register of a macro that stands at `place`.
    fn add_macro(&mut self, added: &Added, place: &str) {
        match &added.id {
            Ok(id) => self.add(decode(self.archs, *id), Some((&added.name, place))),
            Err(why) => {
                let (name, remedy) = (&added.macro_name, "write its row with `onereg new`");
                let _ =
                    writeln!(self.unplaced, "{place}: error: {name} has no id: {why}: {remedy}");
            }
        }
    }

    /// Adds an id, once, with the name and the place of its macro.
    fn add(&mut self, decoded: Decoded<'a>, named: Option<(&str, &str)>) {
        if !self.ids.insert(decoded.id) {
            return;
        }
        match (decoded.arch, decoded.group) {
            _ if decoded.register.is_some() => self.known += 1,
            (Some(arch), Some(group)) if decoded.width <= MAX_WIDTH => {
                let wanted = named.map(|(name, _)| name.to_owned());
                let name = self.free_name(arch, group, &decoded, wanted);
                let place = (decoded.number(), decoded.width);
                let rows = self.rows.entry(&group.file).or_default();
                rows.insert(place, row(&name, &width(arch, group, decoded.width), group, place.0));
            }
            _ => {
                let place =
                    named.map_or("onereg".to_owned(), |(_, place)| format!("{place}: error"));
                let _ = writeln!(self.unplaced, "{place}: {}", unplaced(&decoded));
            }
        }
    }

    /// The name that is wanted or one from the number, with the width where another register has it.
    fn free_name(
        &mut self,
        arch: &'a Arch,
        group: &Group,
        decoded: &Decoded<'_>,
        wanted: Option<String>,
    ) -> String {
        let names = self.names.entry(&arch.name).or_default();
        let mut name = wanted.unwrap_or_else(|| placeholder(group, decoded.number()));
        while !names.insert(name.to_ascii_lowercase()) {
            let _ = write!(name, "_{}", decoded.width);
        }
        name
    }

    fn finish(self) -> Result<(String, String), Failure> {
        let mut output = String::new();
        for (file, rows) in &self.rows {
            let _ = writeln!(output, "# {file}");
            output.extend(rows.values().map(String::as_str));
        }
        let known = format!("{} of {} ids are known\n", self.known, self.ids.len());
        if self.unplaced.is_empty() {
            return Ok((output, known));
        }
        Err(Failure { output, message: self.unplaced + &known })
    }
}

/// Writes a row, as it stands under `registers:`.
fn row(name: &str, width: &str, group: &Group, number: u64) -> String {
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

/// The width of a row: `ulong` where that of every row of the group is, and a 64-bit host has it.
fn width(arch: &Arch, group: &Group, bits: u32) -> String {
    let rows = arch.registers.iter().filter(|row| arch.groups[row.group].name == group.name);
    let widths: BTreeSet<_> = rows.map(|row| row.width.to_string()).collect();
    let ulong = Width::Ulong.to_string();
    if bits == 64 && widths.iter().eq([&ulong]) { ulong } else { bits.to_string() }
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
