//! Where the rules of access and writing come from: every one names a kernel file, and a function of it.

use onereg_codegen::model::{Access, Arch, Register, WriteRule};

/// Lists the rows whose rule is missing or not to be found in the kernel, whose files `source` reads.
pub(super) fn differences(
    arch: &Arch,
    source: impl Fn(&str) -> Result<String, String>,
) -> Vec<String> {
    arch.registers.iter().filter_map(|register| wrong_rule(register, &source)).collect()
}

fn wrong_rule(
    register: &Register,
    source: impl Fn(&str) -> Result<String, String>,
) -> Option<String> {
    let name = &register.name.text;
    let plain = register.access == Access::ReadWrite && register.write == WriteRule::Any;
    let Some(rule) = &register.rule else {
        let missing = format!("{name}: no `rule` says which kernel file its access comes from");
        return (!plain).then_some(missing);
    };
    let (path, function) = rule.split_once(' ').unwrap_or((rule, ""));
    match source(path) {
        Err(error) => Some(format!("{name}: its rule: {error}")),
        Ok(text) if function.is_empty() || has_function(&text, function) => None,
        Ok(_) => Some(format!("{name}: its rule: {path} has no function {function}")),
    }
}

fn has_function(text: &str, function: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut names = text.match_indices(function);
    names.any(|(at, _)| {
        let after = &text[at + function.len()..];
        after.starts_with('(') && !text[..at].ends_with(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use onereg_codegen::{Sources, load};

    const ARCH: &str = "arch: test\ncode: 0x50\nkernel: \"7.3\"\ndoc: \"Test\"\nverified: \"no\"\n\
        one_reg: true\nreg_list: false\ngroups:\n  core: {file: core.yaml, base: 0, number: \"15..0\", doc: \"Core\"}\n";

    fn found(attributes: &str) -> Vec<String> {
        let row =
            format!("registers:\n  - {{name: A, width: 64, number: 0{attributes}, doc: \"A\"}}\n");
        let read = |path: &str| Ok(if path == "arch.yaml" { ARCH.to_owned() } else { row.clone() });
        let arch = load(&Sources::gather("arch.yaml", read)).expect("the table is valid");
        differences(&arch, |path| match path {
            "kvm.c" => Ok("static int set_a(void);\n".to_owned()),
            _ => Err(format!("{path}: not there")),
        })
    }

    #[test]
    fn a_rule_names_a_file_and_a_function_of_it() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            (", access: ro", &["A: no `rule` says which kernel file its access comes from"]),
            (", write: must-match", &["A: no `rule` says which kernel file its access comes from"]),
            (", access: ro, rule: \"kvm.c\"", &[]),
            (", access: ro, rule: \"kvm.c set_a\"", &[]),
            (", access: ro, rule: \"kvm.c a\"", &["A: its rule: kvm.c has no function a"]),
            (", access: ro, rule: \"x.c set_a\"", &["A: its rule: x.c: not there"]),
        ];
        for (attributes, expected) in cases {
            assert_eq!(found(attributes), *expected, "{attributes}");
        }
    }
}
