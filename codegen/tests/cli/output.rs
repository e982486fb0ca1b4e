//! What leaves the program: plain text, valid JSON, and nothing after a closed pipe.

use std::io::Read as _;
use std::process::Stdio;

use anstream::adapter::strip_str;
use serde_json::Value;

use crate::program::{command, onereg, run};

/// Commands whose text has colours on a terminal.
const COLOURED: [&[&str]; 3] = [
    &["check", "broken"],
    &["show", "FLAGS", "--tables", "good"],
    &["decode", "0x4220000000010042", "0xd0000395", "--tables", "good"],
];

#[test]
fn output_that_is_no_terminal_has_no_colour() {
    for variable in ["FORCE_COLOR", "NO_COLOR"] {
        for args in COLOURED {
            let run = run(command(args).env(variable, "1").env("TERM", "xterm-256color"));
            let output = run.stdout.clone() + &run.stderr;
            assert!(!output.is_empty() && !output.contains('\u{1b}'), "{variable}: {run:?}");
        }
    }
}

#[test]
fn forced_colour_changes_no_text() {
    for args in COLOURED {
        let plain = onereg(args);
        let run = run(command(args).env("CLICOLOR_FORCE", "1").env_remove("NO_COLOR"));
        let (plain, coloured) = (plain.stdout + &plain.stderr, run.stdout + &run.stderr);
        assert_ne!(coloured, plain);
        assert_eq!(strip_str(&coloured).to_string(), plain);
    }
}

#[test]
fn names_ids_and_what_is_set_have_their_colours() {
    let value = &["decode", "0x4220000000010042", "0xd0000395", "--tables", "good"];
    let decoded = run(command(value).env("CLICOLOR_FORCE", "1").env_remove("NO_COLOR")).stdout;
    for part in [
        "\u{1b}[2m0x4220000000010042\u{1b}[0m",
        "\u{1b}[1mFLAGS\u{1b}[0m: Flags",
        "\u{1b}[1mN\u{1b}[0m      \u{1b}[32m1\u{1b}[0m  ",
        "\u{1b}[32mKernel\u{1b}[0m  ",
        "\u{1b}[1mRES0\u{1b}[0m   0x0\n",
        "\u{1b}[31m0x0\u{1b}[0m \u{1b}[31m(should\u{1b}[0m ",
    ] {
        assert!(decoded.contains(part), "{part}: {decoded}");
    }
}

#[test]
fn a_closed_pipe_is_a_quiet_end() {
    let mut command = command(&["list", "--format", "json", "--fields", "--tables", "good"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
}

#[test]
#[cfg(target_os = "linux")]
fn output_that_cannot_be_written_is_an_error() {
    let full = std::fs::File::create("/dev/full").unwrap();
    let output = command(&["schema"]).stdout(full).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.starts_with("onereg: cannot write the output: "), "{stderr}");
}

#[test]
fn lists_are_json_objects_with_the_promised_keys() {
    let entries = json(&["list", "--format", "json", "--fields", "--tables", "good"]);
    let entries = entries.as_array().unwrap();
    assert!(!entries.is_empty());
    for entry in entries {
        for key in ["arch", "name", "group", "access"] {
            assert!(entry[key].is_string(), "{key}: {entry}");
        }
        assert!(entry["width"].is_u64() && entry["fields"].is_array(), "{entry}");
        let has_id = entry["via"].is_null() && entry["address"].is_null();
        assert_eq!(entry["id"].is_string(), has_id, "{entry}");
        for field in entry["fields"].as_array().unwrap() {
            assert!(field["msb"].as_u64() >= field["lsb"].as_u64(), "{field}");
            assert!(field["name"].is_string() && field["kind"].is_string(), "{field}");
        }
    }
}

#[test]
fn a_csv_list_has_the_same_cells_in_every_line() {
    let run = onereg(&["list", "--format", "csv", "--tables", "good/demo"]);
    let lines: Vec<_> = run.stdout.lines().map(cells).collect();
    assert_eq!(lines[0][..4], ["arch", "name", "id", "width"]);
    assert!(lines.iter().all(|line| line.len() == lines[0].len()), "{lines:?}");
    let doc = lines[0].iter().position(|key| key == "doc").unwrap();
    let flags = lines.iter().find(|line| line[1] == "FLAGS").unwrap();
    assert_eq!(flags[doc], "Flags, \"condition\" and mode");
}

#[test]
fn findings_are_json_objects_with_the_promised_keys() {
    let run = onereg(&["check", "broken", "--format", "json"]);
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    let findings: Value = serde_json::from_str(&run.stdout).unwrap();
    let findings = findings.as_array().unwrap();
    assert_eq!(findings.len(), 4);
    for finding in findings {
        assert_eq!(finding["severity"], "error");
        assert!(finding["file"].is_string() && finding["message"].is_string(), "{finding}");
        assert!(finding["line"].is_u64() && finding["column"].is_u64(), "{finding}");
        assert!(finding["code"].as_str().unwrap().starts_with('E'), "{finding}");
        assert!(finding.get("help").is_some(), "{finding}");
    }
    assert_eq!(json(&["check", "good", "--format", "json"]), Value::Array(Vec::new()));
}

#[test]
fn the_schema_refuses_unknown_keys_and_has_no_number_that_an_editor_would_round() {
    fn walk(value: &Value) {
        match value {
            Value::Object(object) => {
                if object.contains_key("properties") {
                    assert_eq!(object["additionalProperties"], false, "{object:?}");
                }
                object.values().for_each(walk);
            }
            Value::Array(items) => items.iter().for_each(walk),
            Value::Number(number) => assert!(number.as_f64().unwrap() < 2f64.powi(53), "{number}"),
            _ => {}
        }
    }
    let schema = json(&["schema"]);
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    let required: Vec<_> =
        schema["oneOf"].as_array().unwrap().iter().map(|form| &form["required"]).collect();
    assert_eq!(
        required,
        [&serde_json::json!(["arch", "doc", "groups"]), &serde_json::json!(["registers"])]
    );
    walk(&schema);
}

fn json(args: &[&str]) -> Value {
    let run = onereg(args);
    assert_eq!(run.code, 0, "{run:?}");
    serde_json::from_str(&run.stdout).unwrap()
}

/// Takes a line of CSV apart.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                cells.last_mut().unwrap().extend(chars.next())
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            c => cells.last_mut().unwrap().push(c),
        }
    }
    cells
}
