//! A family has a stride that keeps its members apart; a single register has none.

use crate::diagnostics::Finding;
use crate::lower::Lowered;

pub(super) fn check(lowered: &Lowered, findings: &mut Vec<Finding>) {
    for (register, row) in lowered.model.registers.iter().zip(&lowered.rows) {
        let name = &register.name.text;
        if register.name.family.is_none() {
            if register.stride != 1 {
                let finding =
                    Finding::new("E0207", row.value("stride"), format!("`{name}` is one register"));
                findings.push(
                    finding.help(format!(
                        "name a family as \"{name}{{0..3}}\", or take the stride out"
                    )),
                );
            }
        } else if register.stride == 0 {
            let finding =
                Finding::new("E0207", row.value("stride"), format!("stride 0 of family `{name}`"));
            findings.push(finding.help("members of a family have different numbers: at least 1"));
        } else if register.stride < u64::from(register.slices) {
            let message =
                format!("stride {} of family `{name}` is less than its slices", register.stride);
            let finding = Finding::new("E0207", row.value("stride"), message);
            findings.push(finding.help(format!("at least {}", register.slices)));
        }
    }
}
