//! One corpus of mistakes in three languages, and what their compilers say: tables of onereg, DDSL of device-driver,
//! SystemRDL.
//!
//! `tests/mistakes/` holds the three right files, which describe the same registers, and what the others say of each
//! mistake. Of these files and of onereg as it is, [`page`] makes `docs/mistakes.md`.

mod corpus;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use onereg_codegen::{Diagnostic, Sources, load, render};

use crate::tables::root;

/// A mistake.
#[derive(Debug)]
pub struct Mistake {
    /// Name of its files: `duplicate-name`.
    pub name: &'static str,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// What makes it, in the order of [`LANGUAGES`]: what the right file has, and what it has instead.
    pub edits: [(&'static str, &'static str); 3],
}

/// A compiler of register descriptions.
#[derive(Debug)]
pub struct Language {
    /// What it is called in the page.
    pub title: &'static str,
    /// Name of its right file, which the compilers get to see.
    pub file: &'static str,
    /// Folder of what it says; none for ours.
    pub folder: Option<&'static str>,
}

/// The languages, ours first.
pub const LANGUAGES: [Language; 3] = [
    Language { title: "onereg", file: "core.yaml", folder: None },
    Language { title: "ddc 2.2.0", file: "demo.ddsl", folder: Some("ddc") },
    Language { title: "systemrdl-compiler 1.33.0", file: "demo.rdl", folder: Some("systemrdl") },
];

/// Lists the mistakes.
pub fn mistakes() -> &'static [Mistake] {
    corpus::MISTAKES
}

/// Where the corpus is.
pub fn folder() -> PathBuf {
    root().join("tests/mistakes")
}

/// Returns the right file of a language.
///
/// # Errors
///
/// Names a file that cannot be read.
pub fn right(language: &Language) -> Result<String, String> {
    read(&folder().join(language.file))
}

/// Returns the file of language `index` with the mistake in it.
///
/// # Errors
///
/// Says where the right file has not exactly one place for it.
pub fn wrong(mistake: &Mistake, index: usize) -> Result<String, String> {
    let (from, to) = mistake.edits[index];
    let text = right(&LANGUAGES[index])?;
    match text.matches(from).count() {
        1 => Ok(text.replacen(from, to, 1)),
        count => Err(format!("{}: {from:?} stands {count} times", mistake.name)),
    }
}

/// Returns what onereg finds in a table.
///
/// # Errors
///
/// Names a file that cannot be read.
pub fn findings(table: &str) -> Result<(Vec<Diagnostic>, Sources), String> {
    let arch = read(&folder().join("arch.yaml"))?;
    let sources = Sources::gather("arch.yaml", |path| {
        Ok(if path == "arch.yaml" { arch.clone() } else { table.to_owned() })
    });
    Ok((load(&sources).err().unwrap_or_default(), sources))
}

/// Writes the page: the first words of each compiler side by side, then everything that it says.
///
/// # Errors
///
/// Names a file that cannot be read.
pub fn page() -> Result<String, String> {
    let [ours, ddc, systemrdl] = LANGUAGES.map(|language| language.title);
    let mut table = format!("| mistake | {ours} | {ddc} | {systemrdl} |\n|---|---|---|---|\n");
    let mut messages = String::new();
    for mistake in mistakes() {
        let said = said(mistake)?;
        let cells: Vec<_> = said.iter().map(|text| cell(text)).collect();
        let Mistake { title, name, .. } = mistake;
        // Writing to a string cannot fail.
        let _ = writeln!(table, "| [{title}](#{}) | {} |", anchor(title), cells.join(" | "));
        let _ = writeln!(messages, "\n## {title}\n\n`{name}`");
        for (language, text) in LANGUAGES.iter().zip(&said) {
            let text = if text.is_empty() { "Nothing.\n" } else { text };
            let _ = writeln!(messages, "\n{}:\n\n```text\n{text}```", language.title);
        }
    }
    Ok(format!("{HEAD}\n{table}{messages}"))
}

const HEAD: &str = "# Mistakes, and what is said of them

The same registers are described three times: in a table of onereg, in DDSL for the compiler `ddc` of device-driver, and
in SystemRDL. One mistake at a time is made in all three; the table has the first words of each compiler, and everything
that it says is below. Where a compiler finds nothing, its language may allow it: SystemRDL has a default width, and takes
the bits of a field in either order.

A test holds the part of onereg to what it says today. `cargo run -p onereg-tests --bin mistakes` asks the other two
again, which it installs below `target/`, and writes this page.
";

/// Everything that each compiler says of a mistake.
fn said(mistake: &Mistake) -> Result<Vec<String>, String> {
    let said = |(index, language): (usize, &Language)| match language.folder {
        Some(of) => read(&folder().join(of).join(format!("{}.txt", mistake.name))),
        None => {
            let (findings, sources) = findings(&wrong(mistake, index)?)?;
            let texts = findings.iter().map(|finding| render::text(finding, &sources, false));
            Ok(texts.collect())
        }
    };
    LANGUAGES.iter().enumerate().map(said).collect()
}

/// The first words of a message, for a cell of a table.
fn cell(text: &str) -> String {
    let headline = |line: &str| {
        let kinds = ["error: ", "fatal: ", "warning: "];
        let said = kinds.iter().find_map(|kind| Some(line.split_once(kind)?.1))?;
        Some(said.replace('|', "\\|"))
    };
    let is_count = |line: &&str| line.contains("aborted due to previous errors");
    let mut lines = text.lines().filter(|line| !is_count(line)).filter_map(headline);
    match (lines.next(), lines.count()) {
        (None, _) => "*not found*".to_owned(),
        (Some(first), 0) => first,
        (Some(first), more) => format!("{first} (and {more} more)"),
    }
}

/// The anchor that a heading gets.
fn anchor(title: &str) -> String {
    title.to_lowercase().replace(' ', "-")
}

fn read(path: &std::path::Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}
