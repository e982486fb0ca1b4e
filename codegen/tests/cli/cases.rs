//! Every file in `cases/`: commands behind `$`, what they print, lines of stderr behind `!`, the exit status behind `?`.
//!
//! `ONEREG_BLESS=1 cargo test` rewrites what they print.

use std::fmt::Write as _;
use std::fs;

use crate::program::{folder, onereg};

#[test]
fn every_command_prints_what_its_case_says() {
    let mut paths: Vec<_> =
        fs::read_dir(folder().join("cases")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    for path in paths {
        let expected = fs::read_to_string(&path).unwrap();
        let actual: String =
            expected.lines().filter_map(|line| line.strip_prefix("$ ")).map(transcript).collect();
        if std::env::var_os("ONEREG_BLESS").is_some() {
            fs::write(&path, actual).unwrap();
        } else {
            assert_eq!(actual, expected, "{} (ONEREG_BLESS=1 rewrites it)", path.display());
        }
    }
}

/// Runs `onereg ...` and writes down what happened.
fn transcript(line: &str) -> String {
    let words = split(line);
    assert_eq!(words.first().map(String::as_str), Some("onereg"), "{line}");
    let args: Vec<_> = words[1..].iter().map(String::as_str).collect();
    let run = onereg(&args);
    let mut transcript = format!("$ {line}\n{}", run.stdout);
    for line in run.stderr.lines() {
        let _ = writeln!(transcript, "{}", format!("! {line}").trim_end());
    }
    let _ = writeln!(transcript, "? {}\n", run.code);
    transcript
}

/// Splits at spaces outside of double quotes.
fn split(line: &str) -> Vec<String> {
    let quoted = line.split('"').enumerate();
    let words = quoted.flat_map(|(index, part)| match index % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    });
    words.collect()
}
