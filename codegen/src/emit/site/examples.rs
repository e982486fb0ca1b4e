//! What the search takes: an example of each, from registers that the tables have.

use crate::model::Arch;
use crate::query::{Member, all_members};

/// Bits that the example of a value has, as far as the register is wide enough.
const BITS: u128 = 0x3c5;

/// A query, and what it is.
pub(super) type Example = (String, &'static str);

/// Lists an example for everything that the search takes and these tables have.
pub(super) fn examples(archs: &[Arch]) -> Vec<Example> {
    let mut examples = Vec::new();
    let all = || archs.iter().flat_map(all_members);
    examples.extend(all().find_map(|member| fields(&member)).into_iter().flatten());
    examples.extend(all().find_map(|member| parts(&member)).into_iter().flatten());
    examples.extend(all().find_map(|member| number(&member)));
    examples.extend(all().find_map(|member| offset(&member)));
    examples
}

/// A register with fields, by everything that it can be asked for.
fn fields(member: &Member<'_>) -> Option<Vec<Example>> {
    let layout = member.layout()?;
    let field = layout.fields.iter().find(|field| !field.kind.is_reserved())?;
    let (name, id) = (member.name(), member.id()?);
    let value = BITS & u128::MAX.checked_shr(128u32.saturating_sub(layout.width)).unwrap_or(0);
    Some(vec![
        (name.clone(), "a name, or a part of one"),
        (field.name.clone(), "a field, in every register that has it"),
        (format!("{id:#018x}"), "an id"),
        (format!("{name} {value:#x}"), "a name or an id, and a value: its fields"),
        (format!("{name} {value:#x} {:#x}", value & !1), "two values: how they differ"),
    ])
}

/// A register whose number has named parts.
fn parts(member: &Member<'_>) -> Option<Vec<Example>> {
    let parts = &member.group().parts;
    let numbers: Vec<_> = parts.iter().map(|part| part.of(member.number()).to_string()).collect();
    let [op0, op1, crn, crm, op2] = numbers.as_slice() else { return None };
    Some(vec![
        (numbers.join(" "), "the parts of a number"),
        (format!("S{op0}_{op1}_C{crn}_C{crm}_{op2}"), "the same, as an assembler has it"),
    ])
}

/// A register with a large number, such as that of an MSR.
fn number(member: &Member<'_>) -> Option<Example> {
    let plain = member.group().parts.is_empty() && member.id().is_some();
    let number = Some(member.number()).filter(|number| plain && *number > 0xffff)?;
    Some((format!("{number:#x}"), "a number in a group, such as that of an MSR"))
}

/// A register of another ioctl.
fn offset(member: &Member<'_>) -> Option<Example> {
    member.carried().map(|_| (member.place(), "an offset in a struct"))
}
