//! An alias has the id of the register it names.

use crate::diagnostics::Finding;
use crate::lower::Lowered;

pub(super) fn check(lowered: &Lowered, findings: &mut Vec<Finding>) {
    let model = &lowered.model;
    for (register, row) in model.registers.iter().zip(&lowered.rows) {
        let Some(target_index) = register.alias_of else { continue };
        let target = &model.registers[target_index];
        let target_row = &lowered.rows[target_index];
        if let Some(next) = target.alias_of {
            let message = format!("`{}` is an alias itself", target.name.text);
            let finding = Finding::new("E0210", row.value("alias_of"), message);
            let related = finding.related(target_row.value("alias_of"), "it says so here");
            findings.push(related.help(format!("name `{}`", model.registers[next].name.text)));
            continue;
        }
        let same = model.id_body(register, 0) == model.id_body(target, 0)
            && register.width == target.width
            && register.via == target.via
            && register.name.count() == target.name.count()
            && (register.name.count() == 1 || register.stride == target.stride);
        if !same {
            let message = format!(
                "alias `{}` and `{}` have different ids",
                register.name.text, target.name.text
            );
            let finding = Finding::new("E0210", row.value("number"), message).label("the alias");
            let related = finding.related(target_row.value("number"), "what it names");
            findings.push(
                related
                    .help("an alias repeats width, number and stride; `overlaps` names other ids"),
            );
        }
    }
}
