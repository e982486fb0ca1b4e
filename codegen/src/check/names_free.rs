//! No name is taken by Rust or by the generated code.

use crate::diagnostics::{Finding, Place};
use crate::lower::Lowered;
use crate::names;

/// Constants of a generated module.
const CONSTANTS: &[&str] = &["ALL"];

/// Methods of the runtime's traits, which accessors would hide.
const ACCESSORS: &[&str] = &[
    "get",
    "set",
    "update",
    "host",
    "read_bytes",
    "write_bytes",
    "get_many",
    "set_many",
    "get_raw",
    "set_raw",
];

/// Methods of every register value.
const GETTERS: &[&str] =
    &["new", "bits", "fields", "fmt", "clone", "eq", "hash", "read", "write", "default"];

pub(super) fn check(lowered: &Lowered, findings: &mut Vec<Finding>) {
    for (register, row) in lowered.model.registers.iter().zip(&lowered.rows) {
        let name = &register.name.text;
        let taken = CONSTANTS.contains(&register.constant.as_str())
            || ACCESSORS.contains(&register.accessor.as_str());
        report(name, taken, row.value("name"), findings);
    }
    for (layout, origin) in lowered.model.layouts.iter().zip(&lowered.layouts) {
        for (index, field) in
            layout.fields.iter().enumerate().filter(|(_, field)| !field.kind.is_reserved())
        {
            if !names::is_name(&field.name) {
                let finding = Finding::new(
                    "E0206",
                    origin.field(index).as_key(),
                    format!("`{}` is not a name", field.name),
                );
                findings
                    .push(finding.help(
                        "names begin with a letter and have letters, digits and underscores",
                    ));
            }
            report(
                &field.name,
                GETTERS.contains(&field.rust.as_str()),
                origin.field(index).as_key(),
                findings,
            );
        }
    }
}

fn report(name: &str, taken: bool, place: Place, findings: &mut Vec<Finding>) {
    let by = match (names::is_keyword(name), taken) {
        (true, _) => "a keyword of Rust",
        (false, true) => "used by the generated code",
        (false, false) => return,
    };
    let finding = Finding::new("E0205", place, format!("name `{name}` is reserved: it is {by}"));
    findings.push(finding.help(format!("choose another name, such as `{name}_0`")));
}
