//! Usage, and tables that are not there.

use std::fs;

use crate::program::{command, empty_folder, onereg, repository, run};

#[test]
fn wrong_usage_exits_2() {
    let cases: &[&[&str]] = &[
        &[],
        &["frobnicate"],
        &["check", "--format", "xml"],
        &["decode"],
        &["decode", "twelve"],
        &["decode", "0x"],
        &["decode", "-1"],
        &["decode", "0x1_0000_0000_0000_0000"],
        &["decode", "0x1", "1.5"],
        &["decode", "0x1", "0x1_0000_0000_0000_0000_0000_0000_0000_0000"],
        &["encode", "demo"],
        &["list", "--xlen", "128"],
        &["list", "--vlenb", "3"],
        &["list", "--vlenb", "16384"],
        &["list", "--vlenb", "0"],
        &["show"],
    ];
    for args in cases {
        let run = onereg(args);
        assert_eq!(run.code, 2, "{args:?}: {run:?}");
        assert!(run.stdout.is_empty() && !run.stderr.is_empty(), "{args:?}: {run:?}");
    }
}

#[test]
fn the_table_folder_may_stand_on_both_sides_of_the_command() {
    let before = onereg(&["--tables", "good", "encode", "demo", "PC"]);
    let after = onereg(&["encode", "demo", "PC", "--tables", "good"]);
    assert_eq!((before.code, &before.stdout), (0, &after.stdout), "{before:?} {after:?}");
}

#[test]
fn the_table_folder_is_registers_by_default() {
    let repository = repository("default-folder");
    let run = run(command(&["encode", "demo", "PC"]).current_dir(repository));
    assert_eq!((run.code, run.stdout.as_str()), (0, "0x4230000000010040\n"), "{}", run.stderr);
}

#[test]
fn a_table_folder_may_be_that_of_one_architecture() {
    let run = onereg(&["list", "--tables", "good/block"]);
    assert_eq!(run.stdout.lines().count(), 2, "{run:?}");
}

#[test]
fn a_file_in_the_working_directory_is_checked() {
    let repository = repository("bare-file-name");
    let run = run(command(&["check", "core.yaml"]).current_dir(repository.join("registers/demo")));
    assert_eq!((run.code, run.stdout.as_str()), (0, "1 file checked, no findings\n"));
}

#[test]
fn folders_without_tables_are_errors() {
    let empty = empty_folder("no-tables");
    let empty = empty.to_str().unwrap();
    for args in
        [&["check", empty][..], &["list", "--tables", empty], &["generate", "--tables", empty]]
    {
        let run = onereg(args);
        assert_eq!(run.code, 1, "{run:?}");
        assert!(run.stderr.contains("has an arch.yaml"), "{run:?}");
    }
}

#[test]
fn two_architectures_of_one_name_or_code_are_refused() {
    for (from, to, message) in
        [("arch: wide", "arch: demo", "name `demo`"), ("code: 0x43", "code: 0x42", "code 0x42")]
    {
        let repository = repository("not-distinct");
        let path = repository.join("registers/wide/arch.yaml");
        fs::write(&path, fs::read_to_string(&path).unwrap().replace(from, to)).unwrap();
        for args in [["check"], ["list"]] {
            let run = run(command(&args).current_dir(&repository));
            assert_eq!(run.code, 1, "{run:?}");
            assert!(run.stderr.contains(message), "{run:?}");
        }
    }
}

#[test]
fn a_file_that_no_group_names_is_a_finding() {
    let repository = repository("unlisted-file");
    fs::write(repository.join("registers/demo/more.yaml"), "registers: []\n").unwrap();
    for args in [&["check"][..], &["check", "registers/demo/more.yaml"], &["list"]] {
        let run = run(command(args).current_dir(&repository));
        assert_eq!(run.code, 1, "{run:?}");
        let start = "registers/demo/more.yaml:1:1: error: no group of arch.yaml names this file\n";
        assert!(run.stderr.starts_with(start), "{run:?}");
    }
    let other = run(command(&["check", "registers/demo/core.yaml"]).current_dir(&repository));
    assert_eq!(other.code, 0, "{other:?}");
}

#[test]
fn a_file_is_not_valid_while_its_groups_are_unknown() {
    let repository = repository("broken-arch");
    fs::write(repository.join("registers/demo/arch.yaml"), "arch: {\n").unwrap();
    let run = run(command(&["check", "registers/demo/core.yaml"]).current_dir(&repository));
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.starts_with("registers/demo/arch.yaml:"), "{run:?}");
}
