//! Every number, of every member of a family, uses only its group's bits; with `via`, lies within the struct.

use crate::diagnostics::Finding;
use crate::lower::Lowered;
use crate::model::{Group, Host, Register};

pub(super) fn check(lowered: &Lowered, findings: &mut Vec<Finding>) {
    for (register, row) in lowered.model.registers.iter().zip(&lowered.rows) {
        if let Some(problem) = problem(lowered, register) {
            let finding = Finding::new("E0203", row.value(problem.key), problem.message);
            let group = lowered.groups[register.group].clone().into_key();
            let finding = match register.via {
                None => finding.related(group, "its group"),
                Some(_) => finding,
            };
            findings.push(finding.help(problem.help));
        }
    }
}

/// What is wrong with a number.
pub(super) struct Problem {
    /// Key of the row that says it.
    key: &'static str,
    message: String,
    help: String,
}

pub(super) fn problem(lowered: &Lowered, register: &Register) -> Option<Problem> {
    let Some(via) = register.via else {
        let group = &lowered.model.groups[register.group];
        return (0..register.name.count())
            .find_map(|member| of_member(register, member, group))
            .map(|(key, message)| Problem {
                key,
                message,
                help: format!("group `{}` gives numbers the bits {:#x}", group.name, group.mask),
            });
    };
    let carrier = &lowered.model.carriers[via];
    let size = u64::from(register.width.bits(Host::default()) / 8);
    let last = number(register, register.name.count() - 1);
    if last.and_then(|last| last.checked_add(size)).is_some_and(|end| end <= carrier.size.into()) {
        return None;
    }
    Some(Problem {
        key: "number",
        message: format!("`{}` ends beyond {}", register.name.text, carrier.structure),
        help: format!("the struct has {:#x} bytes", carrier.size),
    })
}

/// What is wrong with the number of one member, and the key that says it.
fn of_member(register: &Register, member: u32, group: &Group) -> Option<(&'static str, String)> {
    let name = || register.name.member(member);
    let key = if member == 0 { "number" } else { "name" };
    let Some(number) = number(register, member) else {
        return Some((key, format!("the number of `{}` does not fit 64 bits", name())));
    };
    let last_slice = number.checked_add(u64::from(register.slices.saturating_sub(1)));
    if number & !group.mask != 0 {
        Some((key, format!("number {number:#x} of `{}` is beyond its group", name())))
    } else if last_slice.is_none_or(|last| last & !group.mask != 0) {
        Some(("slices", format!("the last slice of `{}` is beyond its group", name())))
    } else {
        None
    }
}

/// Number of a member; `None` beyond 64 bits.
fn number(register: &Register, member: u32) -> Option<u64> {
    register.stride.checked_mul(member.into())?.checked_add(register.number)
}
