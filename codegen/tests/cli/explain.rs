//! `onereg explain`: every code, with examples that are what they say.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::program::{command, empty_folder, onereg, run};

/// `arch.yaml` of an example that has none.
const ARCH: &str = r#"arch: demo
code: 0x60
doc: "Demo"
groups:
  core: {file: core.yaml, base: 0x00100000, number: "15..0", doc: "Core registers"}
"#;

#[test]
fn every_code_of_the_source_is_explained_and_no_other() {
    let mut codes = BTreeSet::new();
    collect_codes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut codes);
    assert!(codes.contains("E0001") && codes.contains("E0003"), "codes are written as before");
    assert_eq!(explained(), codes.iter().cloned().collect::<Vec<_>>());
    let texts = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/explain");
    assert_eq!(fs::read_dir(texts).unwrap().count(), codes.len(), "a text is left over");
}

#[test]
fn a_wrong_example_has_only_the_finding_that_it_shows_and_a_right_one_has_none() {
    for code in explained() {
        let text = onereg(&["explain", &code]).stdout;
        let (meaning, examples) = text.split_once("\n## Wrong\n").unwrap();
        assert!(meaning.lines().count() > 2, "{code}: {text}");
        let (wrong, right) = examples.split_once("\n## Right\n").unwrap();
        assert_eq!(check(wrong), [code.as_str()], "{wrong}");
        assert!(check(right).is_empty(), "{code}: {right}: {:?}", check(right));
    }
}

#[test]
fn a_code_may_be_in_small_letters() {
    let [small, large] = ["e0202", "E0202"].map(|code| onereg(&["explain", code]));
    assert_eq!((small.code, &small.stdout), (0, &large.stdout), "{small:?}");
    assert!(small.stdout.starts_with("# E0202: an id twice\n"), "{small:?}");
}

#[test]
fn an_unknown_code_is_an_error_that_says_which_exist() {
    for code in ["E9999", "", "E0", "E0308"] {
        let run = onereg(&["explain", code]);
        assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run:?}");
        let start = format!("onereg: no finding has the code `{code}`: there are E0001, E0002, ");
        assert!(run.stderr.starts_with(&start), "{run:?}");
        assert!(run.stderr.ends_with(", E0310\n"), "{run:?}");
    }
}

/// The codes that `onereg explain` lists, each with a meaning.
fn explained() -> Vec<String> {
    let run = onereg(&["explain"]);
    assert_eq!(run.code, 0, "{run:?}");
    let code = |line: &str| line.split_once("  ").unwrap().0.to_owned();
    run.stdout.lines().map(code).collect()
}

/// Checks the files of an example, and returns the codes of what is found.
fn check(example: &str) -> Vec<String> {
    let folder = empty_folder("explain");
    fs::write(folder.join("arch.yaml"), ARCH).unwrap();
    let mut files = example.split("```\n").filter(|file| !file.trim().is_empty()).peekable();
    assert!(files.peek().is_some(), "{example}");
    for file in files {
        let (name, text) = file.trim_start().split_once(":\n\n```yaml\n").unwrap();
        fs::write(folder.join(name.trim_matches('`')), text).unwrap();
    }
    let run = run(command(&["check", "--format", "json"]).arg(folder));
    let findings: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(run.code, i32::from(!findings.is_empty()), "{run:?}");
    findings.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
}

/// Collects every `"E0123"` in the Rust files of `folder`, outside their tests.
fn collect_codes(folder: &Path, codes: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_codes(&path, codes);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let program = text.split("#[cfg(test)]").next().unwrap();
            let quoted = program.split('"').filter(|quoted| quoted.len() == 5);
            let is_code = |it: &&str| it.starts_with("E0") && it[2..].parse::<u16>().is_ok();
            codes.extend(quoted.filter(is_code).map(str::to_owned));
        }
    }
}
