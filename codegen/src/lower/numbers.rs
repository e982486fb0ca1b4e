//! Numbers of rows: plain, or put together from the named parts of their group.

use super::Context;
use crate::diagnostics::Finding;
use crate::model::low_bits;
use crate::names;
use crate::source::{Number, did_you_mean};

/// Computes the number that stands under `key`.
pub(super) fn resolve(
    number: &Number,
    context: &Context<'_>,
    key: &str,
    findings: &mut Vec<Finding>,
) -> Option<u64> {
    let parts = match number {
        Number::Plain(number) => return Some(*number),
        Number::Parts(parts) => parts,
    };
    let place = || context.place.value(key);
    let group = context.group();
    let known: Vec<_> = group.parts.iter().map(|part| part.name.as_str()).collect();
    let before = findings.len();
    let mut value = 0;
    let mut meant = Vec::new();
    for (name, part_value) in parts {
        let Some(part) = group.parts.iter().find(|part| part.name == *name) else {
            let finding = Finding::new(
                "E0209",
                place().value(name).into_key(),
                format!("unknown part `{name}`"),
            );
            findings.push(match known.is_empty() {
                true => finding.help(format!(
                    "numbers of group `{}` have no parts: write a plain number",
                    group.name
                )),
                false => finding.help(did_you_mean(name, &known, "parts")),
            });
            meant.extend(names::nearest(name, known.iter().copied()));
            continue;
        };
        let largest = low_bits(u32::from(part.msb - part.lsb) + 1);
        if *part_value > largest {
            let message = format!(
                "{part_value:#x} does not fit part `{name}`, bits {}..{}",
                part.msb, part.lsb
            );
            findings.push(
                Finding::new("E0203", place().value(name), message)
                    .help(format!("at most {largest:#x}")),
            );
        }
        value |= part_value << part.lsb;
    }
    for name in known {
        if parts.iter().all(|(given, _)| given != name) && !meant.contains(&name) {
            let finding = Finding::new("E0103", place(), format!("missing part `{name}`"));
            findings.push(finding.help(format!("add `{name}: 0`")));
        }
    }
    (findings.len() == before).then_some(value)
}
