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
