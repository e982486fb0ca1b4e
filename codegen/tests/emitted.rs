//! Emitted Rust, of a table with a register and a field of every kind.

use onereg_codegen::emit::rust::{ValueTypes, emit};
use onereg_codegen::{Sources, load};

fn table(path: &str) -> Result<String, String> {
    Ok(match path {
        "arch.yaml" => include_str!("emitted/arch.yaml"),
        "ids.yaml" => include_str!("emitted/ids.yaml"),
        "via.yaml" => include_str!("emitted/via.yaml"),
        other => return Err(format!("no such file: {other}")),
    }
    .to_owned())
}

fn emitted(value_types: ValueTypes) -> String {
    let arch = load(&Sources::gather("arch.yaml", table)).unwrap_or_else(|findings| {
        panic!("{}", findings.iter().map(|finding| format!("{finding}\n")).collect::<String>())
    });
    emit(&arch, value_types)
}

#[test]
fn the_output_is_rust() {
    for value_types in [ValueTypes::Own, ValueTypes::Parent] {
        let text = emitted(value_types);
        if let Err(error) = syn::parse_file(&text) {
            let line = text.lines().nth(error.span().start().line - 1).unwrap_or_default();
            panic!("{error}: {line}");
        }
    }
}

#[test]
fn every_path_is_absolute() {
    let text = emitted(ValueTypes::Own);
    for prelude in ["Option::", "Some(", "None,", "Result<", "Copy", "Clone", "Sized"] {
        for (at, _) in text.match_indices(prelude) {
            assert!(
                text[..at].ends_with("::") || text[..at].ends_with("Option::"),
                "{}",
                &text[at - 40..at + 20]
            );
        }
    }
    assert!(!text.contains("unsafe"));
}

#[test]
fn the_same_table_gives_the_same_bytes() {
    assert_eq!(emitted(ValueTypes::Own), emitted(ValueTypes::Own));
}

#[test]
fn rustdoc_has_the_fields_of_constants_and_the_constants_of_types() {
    let text = emitted(ValueTypes::Own);
    let head = r"| Bits | Field | Meaning |\n|---|---|---|\n";
    for (documentation, item) in [
        (
            format!(
                r"Fields:\n\n{head}| 56 | IF |  |\n| 55..50 | SIGNED | read-only |\n{}{}",
                r"| 49..48 | MODE | How fast; also KINDS\\_MODE; 0x0 OFF, 0x1 SLOW, 0x3 FAST |\n",
                r"| 47..44 and 7..0 | SPLIT |  |\n| 43..8 | WIDE |  |\n\n"
            ),
            "pub const KINDS:",
        ),
        (
            format!(
                r"Fields where XLEN is 64:\n\n{head}| 63 | TOP |  |\n\n{}{head}| 31 | TOP |  |\n\n",
                r"Fields where XLEN is 32:\n\n"
            ),
            "pub const LONG:",
        ),
        (
            "Registers: [`const@N_A`], [`const@PAIR`], [`const@OTHER`].".to_owned(),
            "pub type Shared =",
        ),
    ] {
        let expected = format!("///\n#[doc = \"{documentation}\"]\n{item}");
        assert!(text.contains(&expected), "{expected}");
    }
}
