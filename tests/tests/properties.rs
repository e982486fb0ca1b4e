//! What holds for every table that is right, and for every one with a mistake in it: tables made up at random.

use std::fs;
use std::path::Path;

use arbtest::arbitrary::Unstructured;
use arbtest::arbtest;
use onereg_codegen::emit::rust::{ValueTypes, emit};
use onereg_codegen::format::format;
use onereg_codegen::model::{Arch, Host};
use onereg_codegen::{Diagnostic, Sources, load, query};
use onereg_tests::command::run;
use onereg_tests::compiler::rustc;
use onereg_tests::random::{self, Dice, Table};
use onereg_tests::respell::respell;
use onereg_tests::tables::{ARCHS, root};

fn table(u: &mut Unstructured<'_>) -> Table {
    // When the randomness is used up, every roll is 0.
    random::table(&mut |below| u.int_in_range(0..=below - 1).unwrap_or(0))
}

fn load_texts(arch: &str, rows: &str) -> Result<Arch, Vec<Diagnostic>> {
    load(&Sources::gather("arch.yaml", |path| {
        Ok(if path == "arch.yaml" { arch } else { rows }.to_owned())
    }))
}

fn loaded(table: &Table) -> Arch {
    load_texts(&table.arch, &table.rows)
        .unwrap_or_else(|findings| panic!("{}{findings:#?}", table.rows))
}

#[test]
fn a_right_table_has_the_ids_of_the_formula() {
    arbtest(|u| {
        let table = table(u);
        let arch = loaded(&table);
        let members = query::members(&arch, Host::default());
        let found: Vec<_> =
            members.map(|it| (it.name(), it.id().unwrap_or_default(), it.width())).collect();
        assert_eq!(found, table.registers, "{}", table.rows);
        for (name, id, _) in &table.registers {
            let decoded = query::decode(std::slice::from_ref(&arch), *id);
            assert_eq!(decoded.register.map(|found| found.member.name()).as_ref(), Some(name));
        }
        Ok(())
    });
}

#[test]
fn a_right_table_gives_rust() {
    arbtest(|u| {
        let table = table(u);
        let text = emit(&loaded(&table), ValueTypes::Own);
        assert!(syn::parse_file(&text).is_ok(), "{}{text}", table.rows);
        Ok(())
    });
}

#[test]
fn a_row_that_stands_twice_is_found_where_it_is() {
    arbtest(|u| {
        let table = table(u);
        let (line, name) = u.choose(&table.lines)?;
        let name = name.trim_matches('"');
        let row: Vec<&str> = table.rows.lines().skip(line - 1).collect();
        let length = row.iter().skip(1).position(|line| line.starts_with("  - "));
        let row = row[..length.map_or(row.len(), |length| length + 1)].join("\n");
        let second = table.rows.lines().count() + 1;
        let findings = load_texts(&table.arch, &format!("{}{row}\n", table.rows))
            .expect_err("a row that stands twice is a mistake");
        assert!(findings.iter().all(|finding| finding.span.line >= second), "{row}{findings:#?}");
        assert!(findings.iter().any(|finding| finding.message.contains(name)), "{findings:#?}");
        let first = |finding: &Diagnostic| finding.related.iter().any(|(at, _)| at.line == *line);
        assert!(findings.iter().any(first), "{row}{findings:#?}");
        Ok(())
    });
}

#[test]
fn formatting_loses_no_comment_and_changes_no_meaning() {
    arbtest(|u| {
        let table = table(u);
        let mut dice = dice(u.arbitrary()?);
        let rows = formatted("rows.yaml", &table.rows);
        let meaning = format!("{:?}", loaded(&table));
        for text in [&rows, &formatted_from_another_spelling("rows.yaml", &rows, &mut dice)] {
            let arch = load_texts(&table.arch, text).expect("it is as right as before");
            assert_eq!(format!("{arch:?}"), meaning, "{text}");
        }
        let arch = formatted("arch.yaml", &table.arch);
        formatted_from_another_spelling("arch.yaml", &arch, &mut dice);
        Ok(())
    });
}

#[test]
fn every_table_of_the_repository_is_formatted_from_another_spelling() {
    for arch in ARCHS {
        let folder = root().join("registers").join(arch);
        for file in fs::read_dir(folder).expect("every architecture has tables") {
            let path = file.expect("the folder can be read").path();
            let text = fs::read_to_string(&path).expect("a table is text");
            let path = path.to_str().expect("the path is UTF-8");
            assert_eq!(formatted(path, &text), text, "{path}: run `cargo onereg fmt`");
            formatted_from_another_spelling(path, &text, &mut dice(7));
        }
    }
}

/// Formatting makes the same of another spelling, with all comments. Returns that spelling.
fn formatted_from_another_spelling(path: &str, text: &str, dice: &mut Dice<'_>) -> String {
    let (spelled, comments) = respell(text, dice);
    let mut after = formatted(path, &spelled);
    assert_eq!(formatted(path, &after), after, "formatted twice");
    for comment in comments {
        assert_eq!(after.matches(&comment).count(), 1, "{comment}: {spelled}{after}");
        after = after.replace(&comment, "");
    }
    let lines = after.lines().map(str::trim_end).filter(|line| !line.is_empty());
    assert!(lines.eq(text.lines().filter(|line| !line.is_empty())), "{text}{spelled}{after}");
    spelled
}

fn formatted(path: &str, text: &str) -> String {
    format(path, text).unwrap_or_else(|error| panic!("{error:?}: {text}"))
}

/// The compiler takes a while: a few tables in one go.
#[test]
fn what_a_right_table_gives_compiles_without_warnings() {
    let mut modules = String::new();
    for seed in 0..4 {
        let text = emit(&loaded(&numbered(seed)), ValueTypes::Own);
        modules.push_str(&format!("pub mod table{seed} {{\n{text}}}\n"));
    }
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("random_tables.rs");
    fs::write(&file, modules).expect("the folder for temporary files takes a module");
    let mut rustc = rustc().unwrap_or_else(|error| panic!("{error}"));
    rustc.args(["--deny=warnings", "--emit=metadata", "-o"]).arg(file.with_extension("rmeta"));
    if let Err(error) = run(rustc.arg(&file)) {
        panic!("{error}");
    }
}

/// The same table for the same seed.
fn numbered(seed: u32) -> Table {
    random::table(&mut dice(seed))
}

/// The same numbers for the same seed.
fn dice(mut state: u32) -> impl FnMut(u32) -> u32 {
    move |below| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % below
    }
}
