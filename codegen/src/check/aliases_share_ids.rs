//! An alias has the id of the register it names.

use crate::diagnostics::Finding;
use crate::lower::Lowered;
use crate::model::{Arch, Register};

pub(super) fn check(lowered: &Lowered, findings: &mut Vec<Finding>) {
    let model = &lowered.model;
    for (index, (register, row)) in model.registers.iter().zip(&lowered.rows).enumerate() {
        let Some(target_index) = register.alias_of else { continue };
        let target = &model.registers[target_index];
        let target_row = &lowered.rows[target_index];
        if let Some(next) = target.alias_of {
            // Two that name each other are one mistake.
            if next == index && target_index < index {
                continue;
            }
            let message = format!("`{}` is an alias itself", target.name.text);
            let finding = Finding::new("E0210", row.value("alias_of"), message);
            let related = finding.related(target_row.value("alias_of"), "it says so here");
            findings.push(match next == index {
                true => related.help("one of the two is no alias"),
                false => related.help(format!("name `{}`", model.registers[next].name.text)),
            });
            continue;
        }
        let Some(key) = difference(model, register, target) else { continue };
        let names = (&register.name.text, &target.name.text);
        let message = format!("alias `{}` and `{}` have different ids", names.0, names.1);
        let finding = Finding::new("E0210", row.value(key), message).label("the alias");
        let related = finding.related(target_row.value(key), "what it names");
        findings.push(
            related.help("an alias repeats width, number and stride; `overlaps` names other ids"),
        );
    }
}

/// The key in which two rows differ that do not have the same ids.
pub(super) fn difference(model: &Arch, a: &Register, b: &Register) -> Option<&'static str> {
    let count = a.name.count();
    if a.width != b.width {
        Some("width")
    } else if a.via != b.via {
        Some("via")
    } else if model.id_body(a, 0) != model.id_body(b, 0) || a.slices != b.slices {
        Some("number")
    } else if count != b.name.count() {
        Some("name")
    } else if count > 1 && a.stride != b.stride {
        Some("stride")
    } else {
        None
    }
}
