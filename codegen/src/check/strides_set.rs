//! A family has a stride that keeps its members apart; a single register has none.

use crate::diagnostics::Finding;
use crate::lower::Lowered;
use crate::model::{Register, Width};

pub(super) fn check(lowered: &Lowered, findings: &mut Vec<Finding>) {
    for (register, row) in lowered.model.registers.iter().zip(&lowered.rows) {
        if let Some((message, help)) = problem(lowered, register) {
            findings.push(Finding::new("E0207", row.value("stride"), message).help(help));
        }
    }
}

/// What is wrong with a stride, and what it can be.
pub(super) fn problem(lowered: &Lowered, register: &Register) -> Option<(String, String)> {
    let (name, stride) = (&register.name.text, register.stride);
    if register.name.family.is_none() {
        let message = format!("`{name}` is one register: it has no stride");
        let help = format!("name a family as \"{name}{{0..3}}\", or take the stride out");
        return (stride != 1).then_some((message, help));
    }
    let in_bytes = register.via.is_some() || !lowered.model.is_kvm();
    let (least, what) = match register.width {
        Width::Bits(bits) if in_bytes => (bits / 8, "bytes"),
        _ => (register.slices, "slices"),
    };
    match stride {
        0 => Some((
            format!("stride 0 of family `{name}`"),
            "members of a family have different numbers: at least 1".to_owned(),
        )),
        _ if register.name.count() > 1 && stride < least.into() => Some((
            format!("stride {stride} of family `{name}`, whose members have {least} {what}"),
            format!("at least {least}"),
        )),
        _ => None,
    }
}
