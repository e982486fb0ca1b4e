//! `onereg fmt`: one form, nothing lost, nothing written that should not be.

use std::fs;
use std::path::Path;

use crate::program::{Run, command, empty_folder, folder, onereg, repository, run};

const ARCH: &str = "arch: demo\nspace: plain\ndoc: \"Demo\"\ngroups:\n  core: {file: core.yaml, base: 0, number: \"7..0\", doc: \"Core\"}\n";

#[test]
fn every_spelling_becomes_the_one_form_and_comments_stay() {
    let text = |name: &str| fs::read_to_string(folder().join("unformatted").join(name)).unwrap();
    let tables = empty_folder("fmt-form");
    fs::write(tables.join("arch.yaml"), ARCH).unwrap();
    let core = tables.join("core.yaml");
    fs::write(&core, text("before.yaml")).unwrap();
    let first = fmt(&["fmt"], &tables);
    assert_eq!((first.code, first.stdout), (0, format!("wrote {}\n", core.display())));
    assert_eq!(fs::read_to_string(&core).unwrap(), text("after.yaml"));
    let second = fmt(&["fmt"], &tables);
    assert_eq!((second.code, second.stdout.as_str()), (0, "every table is formatted\n"));
}

#[test]
fn a_check_names_the_first_line_that_would_change_and_writes_nothing() {
    let tables = empty_folder("fmt-check");
    let arch = ARCH.replace("core: {file", "core:   {file");
    let rows = "registers:\n  - {name: A, width: 32, number: 0, doc: \"A\"}\n  - {width: 32, name: B, number: 4, doc: \"B\"}\n";
    fs::write(tables.join("arch.yaml"), &arch).unwrap();
    fs::write(tables.join("core.yaml"), rows).unwrap();
    let check = fmt(&["fmt", "--check"], &tables);
    let place = |file: &str, line: usize| {
        let file = tables.join(file).display().to_string();
        format!("{file}:{line}: error: not as `onereg fmt` writes it\n")
    };
    assert_eq!(check.code, 1);
    assert_eq!(check.stderr, place("arch.yaml", 5) + &place("core.yaml", 3));
    assert_eq!(fs::read_to_string(tables.join("arch.yaml")).unwrap(), arch);
    assert_eq!(fs::read_to_string(tables.join("core.yaml")).unwrap(), rows);
    // Of the files that are named, only these are looked at.
    let one = fmt(&["fmt", "--check"], &tables.join("core.yaml"));
    assert_eq!((one.code, one.stderr), (1, place("core.yaml", 3)));
}

#[test]
fn what_is_not_formatted_stays_and_the_rest_is_written() {
    for (rows, place, problem) in [
        ("registers:\n  - {name: A, width: 32\n", "3:1", "not YAML: "),
        ("registers:\n  - &a {name: A}\n  - *a\n", "2:5", "tables have no anchors"),
        ("registers: !rows []\n", "1:12", "tables have no tags"),
        ("registers:\n  - doc: |\n      A\n", "3:7", "tables have no block text"),
        ("registers:\n  - {[a, b]: 1}\n", "2:6", "tables have names as keys"),
        ("registers:\n  - {doc: \"A\u{85}B\"}\n", "2:13", "YAML 1.1 and 1.2 read this differently"),
    ] {
        let tables = empty_folder("fmt-refused");
        fs::write(tables.join("arch.yaml"), ARCH.replace("core: {file", "core:   {file")).unwrap();
        let core = tables.join("core.yaml");
        fs::write(&core, rows).unwrap();
        let run = fmt(&["fmt"], &tables);
        let error = format!("{}:{place}: error: {problem}", core.display());
        assert!(run.code == 1 && run.stderr.starts_with(&error), "{error}: {run:?}");
        assert_eq!(fs::read_to_string(&core).unwrap(), rows);
        assert_eq!(fs::read_to_string(tables.join("arch.yaml")).unwrap(), ARCH);
    }
}

#[test]
fn an_argument_that_is_no_table_is_an_error() {
    let repository = repository("fmt-no-table");
    fs::write(repository.join("notes.yaml"), "a: 1\n").unwrap();
    let run = fmt(&["fmt"], &repository.join("notes.yaml"));
    assert!(run.code == 1 && run.stderr.contains("notes.yaml is no table"), "{run:?}");
    let run = onereg(&["fmt", "none.yaml"]);
    assert!(run.code == 1 && run.stderr.contains("none.yaml"), "{run:?}");
}

fn fmt(args: &[&str], path: &Path) -> Run {
    run(command(args).arg(path))
}
