//! Every width is one that its ioctl can carry.

use crate::diagnostics::Finding;
use crate::lower::Lowered;
use crate::model::Width;

const MAX: u32 = 65536;

pub(super) fn check(lowered: &Lowered, findings: &mut Vec<Finding>) {
    for (register, row) in lowered.model.registers.iter().zip(&lowered.rows) {
        let Width::Bits(bits) = register.width else { continue };
        let legal = match register.via {
            Some(_) => bits % 8 == 0,
            None => bits.is_power_of_two(),
        };
        if legal && (8..=MAX).contains(&bits) {
            continue;
        }
        let message = format!("width {bits} of `{}` is not a legal size", register.name.text);
        let help = match register.via {
            Some(_) => format!("a multiple of 8 bits from 8 to {MAX}"),
            None => format!("a power of two from 8 to {MAX} bits, `ulong` or `vlenb`"),
        };
        findings.push(Finding::new("E0204", row.value("width"), message).help(help));
    }
}
