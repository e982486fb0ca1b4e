//! `onereg diff`: what a changed table breaks.

use std::fs;

use serde_json::Value;

use crate::program::{Run, command, folder, repository, run};

/// Replaces texts in a copy of `core.yaml` of the valid tables, and compares those with the copy.
fn diff(name: &str, replaced: &[(&str, &str)], args: &[&str]) -> Run {
    let repository = repository(name);
    let path = repository.join("registers/demo/core.yaml");
    let mut table = fs::read_to_string(&path).unwrap();
    for (from, to) in replaced {
        assert!(table.contains(from), "{from}");
        table = table.replace(from, to);
    }
    fs::write(&path, table).unwrap();
    let new = repository.join("registers");
    run(command(&["diff", "good"]).arg(new).args(args).current_dir(folder()))
}

#[test]
fn the_same_tables_do_not_differ() {
    let text = diff("diff-same", &[], &[]);
    assert_eq!((text.code, text.stdout.as_str()), (0, "no differences\n"), "{text:?}");
    let json = diff("diff-same", &[], &["--format", "json"]);
    assert_eq!((json.code, json.stdout.as_str()), (0, "[]\n"), "{json:?}");
}

#[test]
fn a_changed_id_name_or_field_breaks_and_a_new_row_or_text_does_not() {
    let pc = "  - {name: PC, width: 64, number: 0x40, doc: \"Program counter\"}";
    let npc = "  - {name: NPC, width: 64, number: 0x40, doc: \"Program counter\"}\n  \
               - {name: SP, width: 64, number: 0x3e, doc: \"Stack pointer\"}";
    let replaced = [
        (pc, npc),
        ("N: {bits: 31, doc: \"Negative\"}", "M: {bits: 31, doc: \"Negative\"}"),
        ("User: 0, Kernel: 5", "User: 1, Kernel: 5, Host: 6"),
        ("\"V{0..3}\", width: 128, number: 0x200", "\"V{0..3}\", width: 128, number: 0x204"),
        ("doc: \"General-purpose register\"", "doc: \"Register\""),
        ("\"X{0..30}\"", "\"X{0..28}\""),
    ];
    let text = diff("diff-kinds", &replaced, &[]);
    assert_eq!(text.code, 1, "{text:?}");
    let lines: Vec<String> = text.stdout.lines().map(words).collect();
    let expected = [
        "demo",
        "breaking FLAGS field M: none -> 31 bool; field MODE.Host: none -> 0x6; field MODE.User: 0x0 ->",
        "breaking PC renamed to NPC",
        "breaking V0 id: 0x4240000000010200 -> 0x4240000000010204",
        "breaking X29 removed",
        "SP added",
        "X0 doc: General-purpose register -> Register",
        "differences: 38, breaking: 8",
    ];
    for line in expected {
        assert!(lines.iter().any(|it| it == line), "{line}\n{}", text.stdout);
    }
}

#[test]
fn what_is_only_added_breaks_nothing() {
    let replaced = [("User: 0, Kernel: 5", "User: 0, Kernel: 5, Host: 6")];
    let run = diff("diff-added", &replaced, &["--format", "json"]);
    let changes: Value = serde_json::from_str(&run.stdout).unwrap();
    let expected = serde_json::json!([{
        "arch": "demo", "name": "FLAGS", "change": "changed", "breaking": false, "to": null,
        "facts": [{"what": "field MODE.Host", "old": null, "new": "0x6"}],
    }]);
    assert_eq!((run.code, changes), (1, expected));
}

#[test]
fn tables_that_are_not_valid_are_not_compared() {
    let run = diff("diff-broken", &[("registers:", "registers: [")], &[]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run:?}");
    assert!(run.stderr.contains("core.yaml:"), "{run:?}");
}

/// A line with one space between its words.
fn words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}
