//! The file that a new row comes into.

use std::path::Path;

use onereg_codegen::model::{Arch, Group, Register};
use onereg_codegen::{Diagnostic, Sources, load};

use super::{row, spelled};
use crate::cli::args::NewArgs;
use crate::cli::failure::Failure;
use crate::cli::tables::Tables;
use crate::cli::{find, generate, tables};

/// A group's file among the tables of its architecture.
pub(super) struct Table<'a> {
    pub(super) group: &'a Group,
    sources: Sources,
    arch: &'a Arch,
    /// The last row of the file.
    last: &'a Register,
}

impl<'a> Table<'a> {
    /// Finds the file of the group that the arguments name.
    pub(super) fn find(archs: &'a [Arch], args: &NewArgs) -> Result<Self, Failure> {
        let arch = find::arch(archs, args.arch.as_deref().unwrap_or_default())?;
        let group = group(arch, args.group.as_deref().unwrap_or_default())?;
        let file = &group.file;
        let rows = arch.registers.iter().filter(|row| arch.groups[row.group].file == *file);
        let last = rows.max_by_key(|row| row.row).ok_or_else(|| {
            Failure::new(format!(
                "{file} has no rows: write the first one, and its `registers:`, by hand"
            ))
        })?;
        Ok(Table { group, sources: tables::gather(&arch.file), arch, last })
    }

    /// Writes a row into its place, and says which that is.
    pub(super) fn write(&self, args: &NewArgs) -> Result<String, Failure> {
        let (file, row) = (&self.group.file, row(args));
        let Tables { sources, arch } = self.with_row_last(&row);
        let added = arch.map_err(|findings| Failure {
            output: String::new(),
            message: tables::findings_text(&findings, &sources),
        })?;
        let rows = added.registers.iter().filter(|row| self.has(&added, row));
        let number = rows.max_by_key(|row| row.row).map_or(0, |row| row.number);
        let rows = self.arch.registers.iter().filter(|row| self.has(self.arch, row));
        let before =
            rows.filter(|row| row.number <= number).max_by_key(|row| (row.number, row.row));
        let (text, line) = match before {
            Some(before) => self.text_with_row_behind(before.row, &row)?,
            None => self.text_with_row_first(&row)?,
        };
        generate::replace(Path::new(file), &text)
            .map_err(|error| Failure::new(format!("cannot write {file}: {error}")))?;
        Ok(format!("{file}:{line}\n{row}"))
    }

    /// What is wrong with the value of `key`, whatever is not given yet.
    pub(super) fn problem(&self, args: &NewArgs, key: &str) -> Option<String> {
        let (row, place) = spelled(args, key);
        let Tables { sources, arch } = self.with_row_last(&row);
        let findings = arch.err()?;
        let start = sources.text(&self.group.file)?.rfind(&row)?;
        let is_here = |finding: &&Diagnostic| {
            let span = &finding.span;
            let at = span.start.checked_sub(start);
            // Behind a value that is no YAML, nothing has a place.
            span.file == self.group.file
                && (finding.code == SYNTAX || at.is_some_and(|at| place.contains(&at)))
        };
        let finding = findings.iter().find(is_here)?;
        let help = finding.help.as_ref().map(|help| format!(": {help}")).unwrap_or_default();
        Some(format!("{}{help}", finding.message))
    }

    /// Whether a row of these tables, or of those with the new row, stands in the file.
    fn has(&self, arch: &Arch, row: &Register) -> bool {
        arch.groups[row.group].file == self.group.file
    }

    /// Puts a row at the end, where it moves no other, so that findings about these have the right line, and loads the
    /// tables.
    fn with_row_last(&self, row: &str) -> Tables {
        let text = self.text_with_row_behind(self.last.row, row).map(|(text, _)| text);
        let sources = Sources::gather(&self.arch.file, |path| match &text {
            Ok(text) if path == self.group.file => Ok(text.clone()),
            _ => std::fs::read_to_string(path).map_err(|error| error.to_string()),
        });
        Tables { arch: load(&sources), sources }
    }

    /// Returns the text with a row behind another one, and its line.
    fn text_with_row_behind(&self, index: usize, row: &str) -> Result<(String, usize), Failure> {
        let (text, line) = self.line_of(index)?;
        let lines: Vec<_> = text.split_inclusive('\n').collect();
        let depth = indentation(lines.get(line - 1).copied().unwrap_or_default());
        let is_of_row = |line: &&&str| !line.trim().is_empty() && depth < indentation(line);
        let end = line + lines.iter().skip(line).take_while(is_of_row).count();
        Ok((insert(&lines, end, row), end + 1))
    }

    /// Returns the text with a row before all others, and its line.
    fn text_with_row_first(&self, row: &str) -> Result<(String, usize), Failure> {
        let (text, line) = self.line_of(0)?;
        let lines: Vec<_> = text.split_inclusive('\n').collect();
        Ok((insert(&lines, line - 1, row), line))
    }

    fn line_of(&self, index: usize) -> Result<(&str, usize), Failure> {
        let file = &self.group.file;
        let line = self.sources.row_line(file, index);
        self.sources
            .text(file)
            .zip(line.filter(|line| 0 < *line))
            .ok_or_else(|| Failure::new(format!("{file} has no row {index}: run again")))
    }
}

/// The code of a text that is no YAML.
const SYNTAX: &str = "E0001";

/// Finds a group.
pub(super) fn group<'a>(arch: &'a Arch, name: &str) -> Result<&'a Group, Failure> {
    arch.groups.iter().find(|group| group.name == name).ok_or_else(|| {
        let known: Vec<_> = arch.groups.iter().map(|group| group.name.as_str()).collect();
        Failure::new(format!("{} has no group `{name}`: it has {}", arch.name, known.join(", ")))
    })
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// Puts a line before the one with this index.
fn insert(lines: &[&str], index: usize, row: &str) -> String {
    let (before, after) = lines.split_at(index.min(lines.len()));
    let mut text = before.concat();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text + row + &after.concat()
}
