//! House rules that no lint knows, over every file that git knows.

use std::fs;
use std::process::Command;

use onereg_tests::command::run;

use crate::Context;

/// One finding: line from 1, what to do.
type Finding = (usize, &'static str);

/// The rules: path and text in, findings out.
const RULES: &[fn(&str, &str) -> Vec<Finding>] =
    &[module_doc, unsafety, whole_tests, neutral_text, no_written_id];

/// Checks every rule on every file and reports all findings at once.
pub(crate) fn check(_: &Context) -> Result<String, String> {
    let mut git = Command::new("git");
    let paths = run(git.args(["ls-files", "--cached", "--others", "--exclude-standard"]))?;
    let mut findings = Vec::new();
    for path in paths.lines() {
        // A file that is not text, or deleted and still in the index, has nothing to check.
        let Ok(text) = fs::read_to_string(path) else { continue };
        for (line, finding) in RULES.iter().flat_map(|rule| rule(path, &text)) {
            findings.push(format!("{path}:{line}: {finding}"));
        }
    }
    if findings.is_empty() { Ok(String::new()) } else { Err(findings.join("\n")) }
}

/// Every Rust file says in its first line what it holds.
fn module_doc(path: &str, text: &str) -> Vec<Finding> {
    let missing = path.ends_with(".rs") && !text.starts_with("//! ");
    missing.then_some((1, "begin the file with `//!` and what it holds")).into_iter().collect()
}

/// A module that opts in to unsafe code says why in the comment before.
fn unsafety(path: &str, text: &str) -> Vec<Finding> {
    let mut explained = false;
    let mut findings = Vec::new();
    for (number, line) in rust_lines(path, text) {
        let opts_in = line.starts_with("#![expect(") || line.starts_with("#![allow(");
        if opts_in && line.contains("unsafe_code") && !explained {
            findings.push((number, "say why in a comment `// UNSAFETY: ...` before"));
        }
        explained = line.starts_with("// UNSAFETY: ") || (explained && line.starts_with("//"));
    }
    findings
}

/// No test is left out, and none passes by a panic of any kind.
fn whole_tests(path: &str, text: &str) -> Vec<Finding> {
    find(rust_lines(path, text), "run every test, and assert what fails", |line| {
        line.starts_with("#[ignore") || line.starts_with("#[should_panic")
    })
}

/// Nothing names a folder of somebody's machine or a host that packages come from.
///
/// The words are taken apart here, so that this file passes its own rule.
fn neutral_text(path: &str, text: &str) -> Vec<Finding> {
    const FOLDERS: &[&str] = &["home", "root", "tmp", "work"];
    const HOSTS: &[&str] = &[
        concat!("crates", ".io"),
        concat!("deb.", "debian.org"),
        concat!("static.", "rust-lang.org"),
    ];
    // Cargo writes it.
    if path == "Cargo.lock" {
        return Vec::new();
    }
    let folders: Vec<String> = FOLDERS.iter().map(|folder| format!("/{folder}/")).collect();
    let names_folder = |line: &str, folder: &str| {
        let before = |(at, _): (usize, _)| line[..at].chars().next_back();
        line.match_indices(folder).map(before).any(|c| c.is_none_or(|c| " \"'`(=".contains(c)))
    };
    find(numbered(text), "name no machine's folder and no download host", |line| {
        HOSTS.iter().any(|host| line.contains(host))
            || folders.iter().any(|folder| names_folder(line, folder))
    })
}

/// Register ids come from the tables, also in the shipped crates.
fn no_written_id(path: &str, text: &str) -> Vec<Finding> {
    const CODES: &[u64] = &[0x10, 0x20, 0x50, 0x60, 0x70, 0x80, 0x90];
    let shipped = ["codegen/src/", "macros/src/", "runtime/src/", "runtime/vmm/src/"];
    if !shipped.iter().any(|folder| path.starts_with(folder)) {
        return Vec::new();
    }
    let is_id = |word: &str| {
        let digits: String = word.chars().filter(|c| *c != '_').collect();
        let id = u64::from_str_radix(digits.get(..16).unwrap_or_default(), 16).unwrap_or(0);
        CODES.contains(&(id >> 56)) && id >> 52 & 0xf != 0
    };
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    find(rust_lines(path, code), "take the register's id from its table", |line| {
        !line.starts_with("//") && line.split("0x").skip(1).any(is_id)
    })
}

/// Finds the lines that a rule forbids.
fn find<'t>(
    lines: impl Iterator<Item = (usize, &'t str)>,
    finding: &'static str,
    forbidden: impl Fn(&str) -> bool,
) -> Vec<Finding> {
    lines.filter(|(_, line)| forbidden(line)).map(|(number, _)| (number, finding)).collect()
}

/// Lists the lines of a Rust file without their indentation; those of other files are none.
fn rust_lines<'t>(path: &str, text: &'t str) -> impl Iterator<Item = (usize, &'t str)> {
    let text = if path.ends_with(".rs") { text } else { "" };
    numbered(text).map(|(number, line)| (number, line.trim_start()))
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rule, path, text, number of findings.
    type Case = (fn(&str, &str) -> Vec<Finding>, &'static str, &'static str, usize);

    #[test]
    fn every_rule_finds_what_it_forbids_and_nothing_else() {
        let cases: &[Case] = &[
            (module_doc, "a.rs", "//! Holds a.\n", 0),
            (module_doc, "a.rs", "use std::fs;\n", 1),
            (module_doc, "a.md", "# A\n", 0),
            (unsafety, "a.rs", "// UNSAFETY: why,\n// more.\n#![expect(unsafe_code)]\n", 0),
            (unsafety, "a.rs", "// UNSAFETY: why.\nuse a;\n#![expect(unsafe_code)]\n", 1),
            (unsafety, "a.rs", "#![allow(unsafe_code)]\n", 1),
            (unsafety, "a.rs", "#![deny(unsafe_code)]\n", 0),
            (whole_tests, "a.rs", "    #[ignore = \"slow\"]\n", 1),
            (whole_tests, "a.rs", "#[should_panic]\n", 1),
            (whole_tests, "a.rs", "#[test]\n", 0),
            (neutral_text, "a.md", concat!("see /ho", "me/me/x\n"), 1),
            (neutral_text, "a.md", concat!("from crates", ".io\n"), 1),
            (neutral_text, "a.md", "see docs/root/x\n", 0),
            (no_written_id, "runtime/src/a.rs", "const A: u64 = 0x6030_0000_0013_c080;\n", 1),
            (no_written_id, "runtime/src/a.rs", "const A: u64 = 0x8000_0000_0000_0000;\n", 0),
            (no_written_id, "runtime/src/a.rs", "/// 0x603000000013c080\n", 0),
            (no_written_id, "runtime/src/a.rs", "#[cfg(test)]\n0x603000000013c080\n", 0),
            (no_written_id, "tests/src/a.rs", "0x603000000013c080\n", 0),
        ];
        for (index, (rule, path, text, findings)) in cases.iter().enumerate() {
            assert_eq!(rule(path, text).len(), *findings, "case {index}: {text}");
        }
    }
}
