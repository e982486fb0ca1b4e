//! `onereg new`: a row comes into its place, or nothing changes.

use std::fs;

use crate::program::{Run, empty_folder, onereg, repository};

/// Runs it on tables, with the words between blanks but for the last one, which is the doc.
fn new(tables: &str, words: &str, doc: &str) -> Run {
    let words = words.split(' ').chain(["--doc", doc]);
    onereg(&["--tables", tables, "new"].into_iter().chain(words).collect::<Vec<_>>())
}

#[test]
fn a_row_stands_behind_the_next_lower_number_and_comments_stay() {
    let tables = repository("new-places").join("registers");
    let file = tables.join("demo/sys.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let text = text.replace("  - {name: KICK", "  # Those that start something.\n  - {name: KICK");
    fs::write(&file, text.trim_end()).unwrap();
    let before: Vec<_> = text.lines().collect();
    let is = |row: &str| before.iter().position(|line| line.contains(row)).unwrap();
    for (words, doc, row, behind) in [
        (
            "demo sys FIRST --width 64 --number op=0,reg=0",
            "First",
            "  - {name: FIRST, width: 64, number: {op: 0, reg: 0}, doc: \"First\"}",
            0,
        ),
        (
            "demo sys BETWEEN --width 64 --number op=1,reg=5 --since 7.4 --content value",
            "What: it \"does\"",
            "  - {name: BETWEEN, width: 64, number: {op: 1, reg: 5}, since: \"7.4\", content: \"value\", doc: \"What: it \\\"does\\\"\"}",
            is("CTL32") + 1,
        ),
        (
            "demo sys LAST --width 8 --number op=0xf,reg=0 --access ro --rule a.c",
            "Last",
            "  - {name: LAST, width: 8, number: {op: 0xf, reg: 0}, access: \"ro\", rule: \"a.c\", doc: \"Last\"}",
            before.len(),
        ),
    ] {
        fs::write(&file, text.trim_end()).unwrap();
        let run = new(tables.to_str().unwrap(), words, doc);
        assert_eq!(run.code, 0, "{run:?}");
        // The first row is behind `registers:`.
        let behind = if behind == 0 { is("registers:") + 1 } else { behind };
        let expected = [&before[..behind], &[row], &before[behind..]].concat();
        let after = fs::read_to_string(&file).unwrap();
        assert_eq!(after.lines().collect::<Vec<_>>(), expected);
        assert_eq!(run.stdout, format!("{}:{}\n{row}\n", file.display(), behind + 1));
        assert_eq!(onereg(&["--tables", tables.to_str().unwrap(), "check"]).code, 0);
    }
}

#[test]
fn a_row_of_several_lines_stays_whole() {
    let tables = empty_folder("new-block");
    let arch = "arch: small\nspace: plain\ndoc: \"Small\"\ngroups:\n  all: {file: all.yaml, base: 0, number: \"7..0\", doc: \"All\"}\n";
    let rows = "registers:\n  - name: A\n    width: 32\n    number: 0\n    doc: \"A\"\n    fields:\n      ON: 0\n      RES0: \"31..1\"\n\n  # Behind it.\n  - {name: C, width: 32, number: 8, doc: \"C\"}\n";
    fs::write(tables.join("arch.yaml"), arch).unwrap();
    fs::write(tables.join("all.yaml"), rows).unwrap();
    let run = new(tables.to_str().unwrap(), "small all B --width 32 --number 4", "B");
    assert_eq!(run.code, 0, "{run:?}");
    let row = "  - {name: B, width: 32, number: 4, doc: \"B\"}\n";
    let expected = rows.replace("\"31..1\"\n", &format!("\"31..1\"\n{row}"));
    assert_eq!(fs::read_to_string(tables.join("all.yaml")).unwrap(), expected);
}

#[test]
fn what_is_not_valid_changes_nothing() {
    let tables = repository("new-refused").join("registers");
    let text = |file: &str| fs::read_to_string(tables.join("demo").join(file)).unwrap();
    let before = [text("core.yaml"), text("sys.yaml"), text("arch.yaml")];
    for (words, says) in [
        ("demo core PC --width 64 --number 0x44", "E0201"),
        ("demo core NEW --width 64 --number 0x40", "PC"),
        ("demo core NEW --width 63 --number 0x44", "63"),
        ("demo core NEW --width 64 --number 0x10000", "0x10000"),
        ("demo sys NEW --width 64 --number op=1", "reg"),
        ("demo none NEW --width 64 --number 1", "demo has no group `none`: it has core, sys"),
        ("dem core NEW --width 64 --number 1", "unknown architecture `dem`"),
    ] {
        let run = new(tables.to_str().unwrap(), words, "New");
        assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{words}: {run:?}");
        assert!(run.stderr.contains(says), "{words}: {run:?}");
        assert_eq!([text("core.yaml"), text("sys.yaml"), text("arch.yaml")], before, "{words}");
    }
}
