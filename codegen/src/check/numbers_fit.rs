//! Every number, of every member of a family, uses only its group's bits; with `via`, lies within the struct.

use crate::diagnostics::Finding;
use crate::lower::Lowered;
use crate::model::{Host, Register};

pub(super) fn check(lowered: &Lowered, findings: &mut Vec<Finding>) {
    for (register, row) in lowered.model.registers.iter().zip(&lowered.rows) {
        if let Some((key, message, help)) = problem(lowered, register) {
            findings.push(Finding::new("E0203", row.value(key), message).help(help));
        }
    }
}

fn problem(lowered: &Lowered, register: &Register) -> Option<(&'static str, String, String)> {
    let name = &register.name.text;
    let last = last_number(register);
    if let Some(via) = register.via {
        let carrier = &lowered.model.carriers[via];
        let size = u64::from(register.width.bits(Host::default()) / 8);
        let end = last.and_then(|last| last.checked_add(size));
        if end.is_some_and(|end| end <= u64::from(carrier.size)) {
            return None;
        }
        let message = format!("`{name}` ends beyond {}", carrier.structure);
        return Some(("number", message, format!("the struct has {:#x} bytes", carrier.size)));
    }
    let group = &lowered.model.groups[register.group];
    let slices = u64::from(register.slices.max(1));
    let help = format!("group `{}` gives numbers the bits {:#x}", group.name, group.mask);
    if register.number & !group.mask != 0 {
        let message = format!("number {:#x} of `{name}` is beyond its group", register.number);
        return Some(("number", message, help));
    }
    let fits = |number: u64| {
        let end = number.checked_add(slices - 1);
        end.is_some_and(|end| (number | end) & !group.mask == 0)
    };
    let member = |index| register.number.wrapping_add(register.stride.wrapping_mul(index));
    if last.is_some() && (0..u64::from(register.name.count())).all(|index| fits(member(index))) {
        return None;
    }
    let key = if register.name.family.is_some() { "name" } else { "slices" };
    Some((key, format!("the last number of `{name}` is beyond its group"), help))
}

/// Number of the last member.
fn last_number(register: &Register) -> Option<u64> {
    let steps = u64::from(register.name.count() - 1);
    register.stride.checked_mul(steps)?.checked_add(register.number)
}
