//! The bits of a group's base are not bits of its numbers, nor of the size and architecture.

use crate::diagnostics::Finding;
use crate::lower::Lowered;
use crate::model::low_bits;

pub(super) fn check(lowered: &Lowered, findings: &mut Vec<Finding>) {
    for (group, place) in lowered.model.groups.iter().zip(&lowered.groups) {
        let shared = group.base & group.mask;
        if shared != 0 {
            let message = format!(
                "base {:#x} and numbers of group `{}` share bits {shared:#x}",
                group.base, group.name
            );
            let finding = Finding::new("E0208", place.value("base"), message).label("the base");
            findings.push(
                finding
                    .related(place.value("number"), "the bits of its numbers")
                    .help("take the bits out of the base, or out of the number's range"),
            );
        }
        if lowered.model.is_kvm() && group.base > low_bits(52) {
            let message = format!("base {:#x} reaches beyond bit 51", group.base);
            let finding = Finding::new("E0208", place.value("base"), message);
            findings.push(finding.help("bits 63..52 of an id are its architecture and size"));
        }
    }
}
