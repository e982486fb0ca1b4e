//! No name is taken by Rust or by the generated code.

use crate::diagnostics::{Finding, Place};
use crate::lower::Lowered;
use crate::model::FieldKind;
use crate::names;

/// Constants of a generated module.
const CONSTANTS: &[&str] = &["ALL"];

/// Methods of the runtime's `Registers` and `Vcpu`, which accessors would hide.
const ACCESSORS: &[&str] = &[
    "get",
    "get_many",
    "get_raw",
    "host",
    "listed_ids",
    "over",
    "read_block",
    "read_bytes",
    "read_many_bytes",
    "read_plan",
    "reg_list",
    "set",
    "set_many",
    "set_many_or",
    "set_raw",
    "update",
    "within",
    "write_block",
    "write_bytes",
    "write_many_bytes",
    "write_plan",
];

/// Methods of every register value.
const GETTERS: &[&str] = &[
    "new", "bits", "fields", "fmt", "clone", "eq", "hash", "read", "write", "default", "from_str",
];

/// Types of a generated module.
const TYPES: &[&str] = &["Bits", "Enum", "Marker", "Self"];

/// Type parameter of a generated module, which the architecture's type stands beside.
const PARAMETER: &str = "T";

pub(super) fn check(lowered: &Lowered, findings: &mut Vec<Finding>) {
    for (register, row) in lowered.model.registers.iter().zip(&lowered.rows) {
        let name = &register.name.text;
        let taken = CONSTANTS.contains(&register.constant.as_str())
            || ACCESSORS.iter().any(|taken| is_accessor(taken, &register.accessor));
        report(name, taken, || row.value("name"), findings);
    }
    let marker = lowered.model.marker();
    let place = || Place::root(0).value("arch");
    let taken = marker == PARAMETER || TYPES.contains(&marker.as_str());
    report(&lowered.model.name, taken, place, findings);
    let accessors = format!("{marker}Registers");
    for (layout, origin) in lowered.model.layouts.iter().zip(&lowered.layouts) {
        let is_type = |name: &str| TYPES.contains(&name) || name == marker || name == accessors;
        report(&layout.name, is_type(&layout.rust), || origin.name(), findings);
        for (index, field) in layout.fields.iter().enumerate() {
            if field.kind.is_reserved() {
                continue;
            }
            let taken = GETTERS.contains(&field.rust.as_str())
                || field.kind == FieldKind::Enum && is_type(&layout.enum_type(field));
            report(&field.name, taken, || origin.field(index).into_key(), findings);
        }
    }
}

/// Whether a register with the accessor `reader` is read or written by the method `taken`.
fn is_accessor(taken: &str, reader: &str) -> bool {
    taken == reader || taken.strip_prefix("set_") == Some(reader.trim_end_matches('_'))
}

fn report(name: &str, taken: bool, place: impl FnOnce() -> Place, findings: &mut Vec<Finding>) {
    let by = match (names::is_keyword(name), taken) {
        (true, _) => "a keyword of Rust",
        (false, true) => "used by the generated code",
        (false, false) => return,
    };
    let finding = Finding::new("E0205", place(), format!("name `{name}` is reserved: it is {by}"));
    findings.push(finding.help(format!("choose another name, such as `{name}_0`")));
}
