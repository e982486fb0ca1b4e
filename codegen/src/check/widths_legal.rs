//! Every width is one that its ioctl can carry.

use std::collections::BTreeSet;

use crate::diagnostics::Finding;
use crate::lower::Lowered;
use crate::model::{MAX_WIDTH, Register, Width};

pub(super) fn check(lowered: &Lowered, findings: &mut Vec<Finding>) {
    for (register, row) in lowered.model.registers.iter().zip(&lowered.rows) {
        if let Some((message, help)) = problem(lowered, register) {
            findings.push(Finding::new("E0204", row.value("width"), message).help(help));
        }
    }
}

/// The layouts of rows whose width is no legal one: their fields have nothing to be held against.
pub(super) fn layouts_without(lowered: &Lowered) -> BTreeSet<usize> {
    let rows = lowered.model.registers.iter().filter_map(|row| Some((row, row.layout?)));
    let own = rows.filter(|(_, layout)| !lowered.model.layouts[*layout].shared);
    own.filter(|(row, _)| problem(lowered, row).is_some()).map(|(_, layout)| layout).collect()
}

/// What is wrong with a width, and what it can be.
pub(super) fn problem(lowered: &Lowered, register: &Register) -> Option<(String, String)> {
    let name = &register.name.text;
    let has_host = lowered.model.is_kvm() && register.via.is_none();
    let bits = match register.width {
        Width::Bits(bits) => bits,
        _ if has_host => return None,
        width => {
            let message = format!("`{name}` cannot be as wide as the host's `{width}`");
            return Some((
                message,
                "only registers with an id of KVM's can: write bits".to_owned(),
            ));
        }
    };
    let legal = if register.via.is_some() { bits % 8 == 0 } else { bits.is_power_of_two() };
    if legal && (8..=MAX_WIDTH).contains(&bits) {
        return None;
    }
    let legal = match (register.via, has_host) {
        (Some(_), _) => format!("a multiple of 8 bits from 8 to {MAX_WIDTH}"),
        (None, true) => format!("a power of two from 8 to {MAX_WIDTH} bits, `ulong` or `vlenb`"),
        (None, false) => format!("a power of two from 8 to {MAX_WIDTH} bits"),
    };
    Some((format!("width {bits} of `{name}` is not a legal size"), legal))
}
