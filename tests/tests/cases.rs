//! What the front end finds in tables: a folder per case under `cases/`, its findings in `expected.txt`, what a user
//! sees of them in `rendered.txt`.
//!
//! A case without an `arch.yaml` of its own takes `cases/arch.yaml`, whose one group has the file `core.yaml`. Those
//! in `cases/valid/` have no findings. `BLESS=1 cargo test -p onereg-tests --test cases` rewrites what is expected.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use onereg_codegen::{Diagnostic, Sources, Span, load, render};

#[test]
fn every_case_has_the_findings_it_expects() {
    let bless = env::var_os("BLESS").is_some();
    let mut failures = String::new();
    for case in folders(&cases()) {
        let sources = sources(&case);
        let findings = findings(&sources);
        assert!(!findings.is_empty(), "{} has no findings: move it to valid/", name(&case));
        let rendered = findings.iter().map(|finding| render::text(finding, &sources, false));
        for (file, found) in
            [("expected.txt", describe(&findings)), ("rendered.txt", rendered.collect())]
        {
            let path = case.join(file);
            if bless {
                fs::write(&path, &found).expect("the case can be written");
            }
            let expected = fs::read_to_string(&path).unwrap_or_default();
            if found != expected {
                let case = format!("{}/{file}", name(&case));
                write!(failures, "== {case}, expected:\n{expected}== {case}, found:\n{found}")
                    .unwrap();
            }
        }
    }
    assert!(failures.is_empty(), "{failures}BLESS=1 rewrites what is expected");
}

#[test]
fn valid_tables_have_no_findings() {
    let valid = folders(&cases().join("valid"));
    assert!(!valid.is_empty());
    for case in valid {
        let found = describe(&findings(&sources(&case)));
        assert!(found.is_empty(), "{}:\n{found}", name(&case));
    }
}

#[test]
fn an_unreadable_arch_yaml_is_a_finding() {
    let sources = Sources::gather("demo/arch.yaml", |_| Err("permission denied".to_owned()));
    let findings = load(&sources).expect_err("there is no table");
    let expected = "demo/arch.yaml:1:1: error[E0002]: cannot read the file: permission denied\n";
    assert_eq!(describe(&findings), expected);
}

#[test]
fn every_code_has_a_case() {
    let mut codes = BTreeSet::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../codegen/src");
    for folder in ["source", "lower", "check"] {
        collect_codes(&source.join(folder), &mut codes);
    }
    assert!(codes.contains("E0001"), "codes are written as before");
    for case in folders(&cases()) {
        for finding in findings(&sources(&case)) {
            codes.remove(finding.code);
        }
    }
    assert!(codes.is_empty(), "no case has {codes:?}");
}

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")
}

fn name(case: &Path) -> String {
    case.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Lists the cases in `folder`, sorted.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder of cases is there");
    let mut folders: Vec<_> = entries
        .map(|entry| entry.expect("the folder of cases is readable").path())
        .filter(|path| path.is_dir() && !path.ends_with("valid"))
        .collect();
    folders.sort();
    folders
}

/// Gathers the tables of a case.
fn sources(case: &Path) -> Sources {
    Sources::gather("arch.yaml", |path| {
        let own = case.join(path);
        let path = if path == "arch.yaml" && !own.exists() { cases().join(path) } else { own };
        fs::read_to_string(path).map_err(|error| error.to_string())
    })
}

fn findings(sources: &Sources) -> Vec<Diagnostic> {
    load(sources).err().unwrap_or_default()
}

/// Writes findings with everything that is in them.
fn describe(findings: &[Diagnostic]) -> String {
    let mut text = String::new();
    for finding in findings {
        let label = if finding.label.is_empty() { "" } else { ": " };
        writeln!(
            text,
            "{}: error[{}]: {}{label}{}",
            at(&finding.span),
            finding.code,
            finding.message,
            finding.label
        )
        .unwrap();
        for (span, label) in &finding.related {
            writeln!(text, "{}: note: {label}", at(span)).unwrap();
        }
        if let Some(help) = &finding.help {
            writeln!(text, "help: {help}").unwrap();
        }
    }
    text
}

fn at(span: &Span) -> String {
    format!("{}:{}:{}", span.file, span.line, span.column)
}

/// Collects every `"E0123"` in the Rust files of `folder`.
fn collect_codes(folder: &Path, codes: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("the source is there") {
        let path = entry.expect("the source is readable").path();
        if path.is_dir() {
            collect_codes(&path, codes);
            continue;
        }
        let text = fs::read_to_string(&path).expect("the source is text");
        let quoted = text.split('"').filter(|quoted| quoted.len() == 5);
        let code = |quoted: &&str| quoted.starts_with("E0") && quoted[2..].parse::<u16>().is_ok();
        codes.extend(quoted.filter(code).map(str::to_owned));
    }
}
