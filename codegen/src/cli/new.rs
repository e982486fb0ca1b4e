//! `onereg new`: a row in its place.

use std::path::Path;

use onereg_codegen::model::{Arch, Register};
use onereg_codegen::{Sources, load};

use super::args::NewArgs;
use super::failure::Failure;
use super::{find, generate, tables};

/// Writes the row behind the one with the next lower number, and says where it stands.
pub(crate) fn run(root: &Path, args: &NewArgs) -> Result<String, Failure> {
    let archs = tables::load(root)?;
    let arch = find::arch(&archs, &args.arch)?;
    let file = file(arch, &args.group)?;
    let table = Table { sources: tables::gather(&arch.file), arch, file };
    let rows: Vec<_> = arch.registers.iter().filter(|row| table.has(arch, row)).collect();
    let last = rows.iter().max_by_key(|row| row.row).ok_or_else(|| {
        Failure::new(format!(
            "{file} has no rows: write the first one, and its `registers:`, by hand"
        ))
    })?;
    // At the end it moves no other row, so that a finding about these has the right line.
    let added = table.with_row_behind(last.row, &row(args))?;
    let new = added.registers.iter().filter(|row| table.has(&added, row)).max_by_key(|row| row.row);
    let number = new.map_or(0, |row| row.number);
    let before =
        rows.iter().filter(|row| row.number <= number).max_by_key(|row| (row.number, row.row));
    let (text, line) = match before {
        Some(before) => table.text_with_row_behind(before.row, &row(args))?,
        None => table.text_with_row_first(&row(args))?,
    };
    generate::replace(Path::new(file), &text)
        .map_err(|error| Failure::new(format!("cannot write {file}: {error}")))?;
    Ok(format!("{file}:{line}\n{}", row(args)))
}

/// The file of a group.
fn file<'a>(arch: &'a Arch, name: &str) -> Result<&'a str, Failure> {
    let group = arch.groups.iter().find(|group| group.name == name).ok_or_else(|| {
        let known: Vec<_> = arch.groups.iter().map(|group| group.name.as_str()).collect();
        Failure::new(format!("{} has no group `{name}`: it has {}", arch.name, known.join(", ")))
    })?;
    Ok(&group.file)
}

/// Writes a row, as it stands under `registers:`.
fn row(args: &NewArgs) -> String {
    let number = match args.number.contains('=') {
        true => format!("{{{}}}", args.number.replace('=', ": ").replace(',', ", ")),
        false => args.number.clone(),
    };
    let optional = [
        ("access", &args.access),
        ("rule", &args.rule),
        ("since", &args.since),
        ("content", &args.content),
    ];
    let optional = optional.into_iter().filter_map(|(key, value)| Some((key, value.as_ref()?)));
    let more: String = optional.map(|(key, value)| format!("{key}: {}, ", quoted(value))).collect();
    let (name, doc) = (plain(&args.name), quoted(&args.doc));
    format!("  - {{name: {name}, width: {}, number: {number}, {more}doc: {doc}}}\n", args.width)
}

/// A text as the tables have it: double-quoted.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A name, which needs no quotes unless it is a family's.
fn plain(name: &str) -> String {
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_plain && !name.is_empty() { name.to_owned() } else { quoted(name) }
}

/// A group's file among the tables of its architecture.
struct Table<'a> {
    sources: Sources,
    arch: &'a Arch,
    file: &'a str,
}

impl Table<'_> {
    /// Whether a row of the tables, or of those with the new row, stands in the file.
    fn has(&self, arch: &Arch, row: &Register) -> bool {
        arch.groups[row.group].file == self.file
    }

    /// Puts a row behind another one, and loads the tables.
    fn with_row_behind(&self, index: usize, row: &str) -> Result<Arch, Failure> {
        let (text, _) = self.text_with_row_behind(index, row)?;
        let sources = Sources::gather(&self.arch.file, |path| match path {
            path if path == self.file => Ok(text.clone()),
            path => std::fs::read_to_string(path).map_err(|error| error.to_string()),
        });
        load(&sources).map_err(|findings| Failure {
            output: String::new(),
            message: tables::findings_text(&findings, &sources),
        })
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
        let line = self.sources.row_line(self.file, index);
        self.sources
            .text(self.file)
            .zip(line.filter(|line| 0 < *line))
            .ok_or_else(|| Failure::new(format!("{} has no row {index}: run again", self.file)))
    }
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
