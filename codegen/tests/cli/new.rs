//! `onereg new`: a row comes into its place, or nothing changes.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::program::{Run, copy, empty_folder, onereg, repository};

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
            "  - {name: BETWEEN, width: 64, number: {op: 1, reg: 5}, since: \"7.4\", content: value, doc: \"What: it \\\"does\\\"\"}",
            is("CTL32") + 1,
        ),
        (
            "demo sys LAST --width 8 --number op=0xf,reg=0 --access ro --rule a.c",
            "Last",
            "  - {name: LAST, width: 8, number: {op: 0xf, reg: 0}, access: ro, rule: \"a.c\", doc: \"Last\"}",
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

/// Runs `onereg new` on a terminal, where each line is typed; returns how it ended and what the screen shows.
fn typed(tables: &str, words: &str, lines: &str) -> (i32, String) {
    let command = format!("{} --tables {tables} new {words}", env!("CARGO_BIN_EXE_onereg"));
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--echo", "never", "--command", &command, "/dev/null"]);
    script.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = script.spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n"))
}

#[test]
fn on_a_terminal_what_is_not_given_is_asked_for_and_each_answer_checked_at_once() {
    let tables = repository("new-asks").join("registers");
    let file = tables.join("demo/sys.yaml");
    let lines = "dem\ndemo\nsyst\nsys\n\nKICK\nID_NEW: {\nID_NEW\n63\n64\nop=2\nop=2,reg=0\n{op: 2\nop=2,reg=9\nreadable\nro\n\
                 a.c\n6.x\n7.4\n\nIts \"number\"\n";
    let (code, screen) = typed(tables.to_str().unwrap(), "", lines);
    let row = "  - {name: ID_NEW, width: 64, number: {op: 2, reg: 9}, access: ro, rule: \"a.c\", since: \"7.4\", doc: \"Its \\\"number\\\"\"}\n";
    let expected = format!(
        "Architecture, block, demo, wide: unknown architecture `dem`: did you mean `demo`?\n\
         Architecture, block, demo, wide: \
         Group, core, sys, regs, clock: demo has no group `syst`: it has core, sys, regs, clock\n\
         Group, core, sys, regs, clock: \
         Name, of a family as X{{0..30}}: there is no default: an answer is needed\n\
         Name, of a family as X{{0..30}}: register `KICK` twice: rename one of them\n\
         Name, of a family as X{{0..30}}: `ID_NEW: {{` is not a family: write it as \"X{{0..30}}\": first index, two dots, last index\n\
         Name, of a family as X{{0..30}}: \
         Width in bits, ulong or vlenb: width 63 of `ID_NEW` is not a legal size: a power of two from 8 to 65536 bits, `ulong` or `vlenb`\n\
         Width in bits, ulong or vlenb: \
         Number, as op=0,reg=0: missing part `reg`: add `reg: 0`\n\
         Number, as op=0,reg=0: id 0x4230000000022000 of `ID_NEW` already belongs to `KICK`: correct the number, or say `alias_of: KICK`\n\
         Number, as op=0,reg=0: not YAML: did not find expected ',' or '}}': close the bracket, or put text that holds `: `, ` #`, `, ` or a bracket in double quotes\n\
         Number, as op=0,reg=0: \
         Access, rw, ro or wo [rw]: unknown value `readable`: values here are: rw, ro, wo\n\
         Access, rw, ro or wo [rw]: \
         Kernel file and function that refuse the other access: \
         First kernel release that has it, where that is known: `6.x` is not a kernel release: write it as \"6.18\"\n\
         First kernel release that has it, where that is known: \
         What its value is without fields: value, implementation-defined, opaque, or not known: \
         What it is, in one line: {}:8\n{row}",
        file.display()
    );
    assert_eq!((code, screen), (0, expected));
    assert_eq!(onereg(&["--tables", tables.to_str().unwrap(), "check"]).code, 0);
    assert!(fs::read_to_string(file).unwrap().contains(row));
}

#[test]
fn on_a_terminal_what_is_given_is_not_asked_for_and_without_answers_nothing_changes() {
    let tables = repository("new-asks-less").join("registers");
    let file = tables.join("demo/sys.yaml");
    let before = fs::read_to_string(&file).unwrap();
    let words = "demo sys NEW --width 64 --number op=2,reg=9";
    let (code, screen) = typed(tables.to_str().unwrap(), words, "\n\n\n");
    let expected = "Access, rw, ro or wo [rw]: First kernel release that has it, where that is known: \
                    What its value is without fields: value, implementation-defined, opaque, or not known: \
                    What it is, in one line: onereg: the answers ended: nothing is written\n";
    assert_eq!((code, screen.as_str()), (1, expected));
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    let (code, screen) = typed(tables.to_str().unwrap(), words, "\n\n\nNew\n");
    assert!(code == 0 && screen.ends_with("reg: 9}, doc: \"New\"}\n"), "{screen}");
}

#[test]
fn without_a_terminal_what_is_not_given_is_named() {
    let run = onereg(&["--tables", "good", "new", "demo", "--width", "64", "--doc", "New"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:?}");
    let says = "on no terminal that could be asked, GROUP, NAME, --number must be given";
    assert!(run.stderr.contains(says), "{run:?}");
}

#[test]
fn a_row_of_the_real_tables_is_written_in_their_form() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../registers");
    if !root.is_dir() {
        return eprintln!("not in the repository: there are no tables to try");
    }
    let tables = empty_folder("new-real");
    copy(&root, &tables);
    let words = "arm64 sysreg NEW_EL1 --width 64 --number op0=3,op1=7,crn=15,crm=15,op2=7 --access ro --rule a.c";
    let run = new(tables.to_str().unwrap(), words, "New: \"x\"");
    assert_eq!(run.code, 0, "{run:?}");
    for words in [&["check"][..], &["fmt", "--check"]] {
        let run = onereg(&[words, &["--tables", tables.to_str().unwrap()]].concat());
        assert_eq!(run.code, 0, "{run:?}");
    }
}
