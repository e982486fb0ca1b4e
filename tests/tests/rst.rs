//! The reStructuredText: docutils reads it without a warning, and finds every register in it.

use std::fs;
use std::process::Command;

use onereg_codegen::emit::rst::rst;
use onereg_codegen::model::Arch;
use onereg_codegen::query::{home, row_members};
use onereg_codegen::{Sources, load};
use onereg_tests::command::run;
use onereg_tests::tables;
use roxmltree::{Document, Node};

/// The rows of all tables of an architecture's text, as docutils understands it.
fn rows(arch: &Arch) -> Vec<Vec<String>> {
    let folder = tables::root().join("target/tmp/rst");
    fs::create_dir_all(&folder).unwrap();
    let [file] = rst(std::slice::from_ref(arch)).try_into().unwrap();
    let path = folder.join(&file.path);
    fs::write(&path, file.text).unwrap();
    let mut docutils = Command::new("/usr/bin/docutils");
    docutils.args(["--writer=xml", "--no-doctype", "--halt=warning"]).arg(path);
    let xml = run(&mut docutils).unwrap_or_else(|error| panic!("{error}"));
    let xml = Document::parse(&xml).unwrap();
    let rows = xml.descendants().filter(|node| node.has_tag_name("row"));
    rows.map(|row| {
        let cells = row.children().filter(|node| node.has_tag_name("entry"));
        cells
            .map(|cell| {
                cell.descendants().filter(Node::is_text).filter_map(|node| node.text()).collect()
            })
            .collect()
    })
    .collect()
}

/// Asserts that the text has the first and the last register of each row, in the list and with its id, and returns how
/// many rows of tables it has.
fn describes(arch: &Arch) -> usize {
    let rows = rows(arch);
    let current = arch.registers.iter().filter(|row| row.until.is_none());
    for row in current.filter(|row| row.via.is_none()) {
        let members: Vec<_> = row_members(arch, row, home(row)).collect();
        for member in [&members[0], &members[members.len() - 1]] {
            let (id, width) = (format!("{:#018x}", member.id().unwrap()), row.width.to_string());
            let is_id = |text: &str| {
                let digits = text.replace(' ', "");
                digits.len() == id.len()
                    && digits.chars().zip(id.chars()).all(|(a, b)| a == b || a == 'x')
            };
            // The macro of a family may take the index as an argument.
            let is_name = |text: &str| text.contains("..") || text.ends_with(&member.name());
            let described = |cells: &Vec<String>| match cells.as_slice() {
                [encoding, name, bits, doc] => {
                    is_id(encoding)
                        && *name == member.name()
                        && *bits == width
                        && doc.starts_with(&row.doc)
                }
                _ => false,
            };
            let listed = |cells: &Vec<String>| matches!(cells.as_slice(), [_, name, bits] if is_name(name) && *bits == width);
            let name = member.name();
            assert!(rows.iter().any(described), "{} {name} is not described: {rows:#?}", arch.name);
            assert!(rows.iter().any(listed), "{} {name} is not listed: {rows:#?}", arch.name);
        }
    }
    rows.len()
}

#[test]
fn docutils_finds_every_register() {
    for name in tables::ARCHS {
        let arch = tables::arch(name).unwrap_or_else(|error| panic!("{error}"));
        println!("{name}: {} rows", describes(&arch));
    }
}

#[test]
fn no_text_of_a_table_is_markup() {
    let texts = [
        "*a* **b** `c` ``d`` |e| f_ g__ _`h` [1]_ [#]_ \\\\ \\\\*",
        "- item",
        "1. item",
        "iv) item",
        "(a) item",
        "#. item",
        ":field: text",
        "-v option",
        "/V option",
        ".. comment",
        "__ target",
        ">>> doctest",
        "| line",
        "literal::",
        "::",
        "====",
        "...",
        "+---+",
        "see http://localhost/a_ and b@c.d",
        "a\\nb",
        "\u{fc}ber \u{4e2d}\u{6587} _",
    ];
    let arch = "arch: odd_\ncode: 0x7e\ndoc: \"*Odd*_ ::\"\nmacros: ODD_\ngroups:\n  \
                all_: {file: rows.yaml, base: 0x100000, number: \"15..0\", doc: \"|Odd|: `x`_\"}\n";
    let row = |(number, text): (usize, &&str)| {
        format!("  - {{name: R{number}_, width: 64, number: {number}, doc: \"{text}\"}}\n")
    };
    let rows = format!("registers:\n{}", texts.iter().enumerate().map(row).collect::<String>());
    let read = |path: &str| Ok(if path == "arch.yaml" { arch.to_owned() } else { rows.clone() });
    let mut arch = load(&Sources::gather("arch.yaml", read)).unwrap();
    for row in &mut arch.registers {
        row.doc = row.doc.replace('\n', " ").trim().to_owned();
    }
    assert_eq!(describes(&arch), 2 * (1 + texts.len()));
}
