//! What a register is called where it is used.

use crate::model::{Access, Scope};
use crate::query::Member;

/// Lists what an assembler and a Rust program call a register, each behind its label.
pub(super) fn usages(member: &Member<'_>) -> Vec<(&'static str, String)> {
    let assembly = system_name(member).map(|name| ("in assembly", name));
    assembly.into_iter().chain(line(member).map(|line| ("in Rust", line))).collect()
}

/// The generic name that an assembler knows a system register by: `S3_0_C1_C0_0`.
fn system_name(member: &Member<'_>) -> Option<String> {
    let names = ["op0", "op1", "crn", "crm", "op2"];
    let [op0, op1, crn, crm, op2] = member.group().parts.as_slice() else { return None };
    let parts = [op0, op1, crn, crm, op2];
    if !parts.iter().zip(names).all(|(part, name)| part.name == name) {
        return None;
    }
    let number = member.row.encoding.unwrap_or_else(|| member.number());
    let [op0, op1, crn, crm, op2] = parts.map(|part| part.of(number));
    Some(format!("S{op0}_{op1}_C{crn}_C{crm}_{op2}"))
}

/// The line that reads, or where nothing may be read writes, the register.
fn line(member: &Member<'_>) -> Option<String> {
    let Member { arch, row, .. } = member;
    let element = if row.name.family.is_some() { "[0]" } else { "" };
    let register = format!("onereg::{}::{}{element}", arch.name, row.constant);
    let call = match row.access {
        Access::WriteOnly => format!("vcpu.set({register}, value)?"),
        Access::ReadOnly | Access::ReadWrite => format!("vcpu.get({register})?"),
    };
    (arch.is_kvm() && row.scope != Scope::Vm).then_some(call)
}
