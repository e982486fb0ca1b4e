//! Names that generated code must leave alone: a new method of the runtime is a new one of them.

use std::fmt::Write;
use std::fs;

use onereg_codegen::{Sources, load};
use onereg_tests::tables::root;

#[test]
fn no_register_is_named_like_a_method_of_its_target() {
    let mut methods = functions("runtime/src/registers.rs", "pub trait Registers", "\n}\n");
    methods.extend(functions("runtime/src/kvm/vcpu.rs", "impl<'fd, A: Arch> Vcpu", "\n}\n"));
    assert!(methods.iter().any(|method| method == "set_many"), "{methods:?}");
    let mut rows = "registers:\n".to_owned();
    for (number, method) in methods.iter().enumerate() {
        let name = method.to_uppercase();
        writeln!(rows, "  - {{name: {name}, width: 64, number: {number}, doc: \"A register\"}}")
            .unwrap();
    }
    assert_eq!(free(&rows, &methods), [""; 0]);
}

#[test]
fn no_field_is_named_like_a_method_of_its_value() {
    let methods = functions("runtime/src/bits.rs", "macro_rules! bits_types", "pub struct Enum<");
    assert!(methods.iter().any(|method| method == "fields"), "{methods:?}");
    let mut rows = String::from(
        "registers:\n  - name: A\n    width: 64\n    number: 0x0\n    doc: \"A register\"\n    fields:\n",
    );
    for (bit, method) in methods.iter().enumerate() {
        writeln!(rows, "      {}: {bit}", method.to_uppercase()).unwrap();
    }
    writeln!(rows, "      RES0: \"63..{}\"", methods.len()).unwrap();
    assert_eq!(free(&rows, &methods), [""; 0]);
}

/// Which names a table with these rows may use.
fn free(rows: &str, names: &[String]) -> Vec<String> {
    let arch = "arch: demo\ncode: 1\ndoc: \"Demo\"\ngroups: {core: {file: core.yaml, base: 0, doc: \"All\"}}";
    let sources = Sources::gather("arch.yaml", |path| {
        Ok(if path == "arch.yaml" { arch } else { rows }.to_owned())
    });
    let findings = load(&sources).err().unwrap_or_default();
    let refused = |name: &str| {
        let message = format!("name `{}` is reserved", name.to_uppercase());
        findings.iter().any(|finding| finding.message.starts_with(&message))
    };
    names.iter().filter(|name| !refused(name)).cloned().collect()
}

/// Lists the functions of a file of the repository from the text `start` to the text `end`, each once.
fn functions(path: &str, start: &str, end: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(path)).expect("the source is there");
    let (_, rest) = text.split_once(start).expect("the part begins");
    let (part, _) = rest.split_once(end).expect("the part ends");
    let heads = part.lines().map(|line| line.trim_start().trim_start_matches("pub "));
    let names = heads.filter_map(|line| line.trim_start_matches("const ").strip_prefix("fn "));
    let mut names: Vec<_> =
        names.filter_map(|rest| rest.split(['(', '<']).next()).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    names
}
