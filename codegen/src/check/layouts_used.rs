//! Every shared layout is some register's.

use crate::diagnostics::Finding;
use crate::lower::Lowered;

pub(super) fn check(lowered: &Lowered, findings: &mut Vec<Finding>) {
    if lowered.incomplete {
        return;
    }
    for (layout, origin) in lowered.model.layouts.iter().zip(&lowered.layouts) {
        if layout.shared && !origin.used {
            let finding =
                Finding::new("E0307", origin.name(), format!("unused layout `{}`", layout.name));
            findings.push(
                finding.help(format!("give a row `layout: {}`, or take it out", layout.name)),
            );
        }
    }
}
