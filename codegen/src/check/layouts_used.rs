//! Every shared layout is some register's.

use crate::diagnostics::Finding;
use crate::lower::Lowered;

pub(super) fn check(lowered: &Lowered, findings: &mut Vec<Finding>) {
    if lowered.incomplete {
        return;
    }
    let used: Vec<_> =
        lowered.model.registers.iter().flat_map(|r| [r.layout, r.layout32]).flatten().collect();
    for (index, (layout, origin)) in lowered.model.layouts.iter().zip(&lowered.layouts).enumerate()
    {
        if layout.shared && !used.contains(&index) {
            let mut place = origin.place.clone();
            place.path.pop();
            let finding =
                Finding::new("E0307", place.as_key(), format!("unused layout `{}`", layout.name));
            findings.push(
                finding.help(format!("give a row `layout: {}`, or take it out", layout.name)),
            );
        }
    }
}
