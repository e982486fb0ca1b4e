//! A layout is as wide as the registers that use it, and as one that an integer can hold.

use crate::diagnostics::Finding;
use crate::lower::Lowered;
use crate::model::Width;

pub(super) fn check(lowered: &Lowered, findings: &mut Vec<Finding>) {
    let model = &lowered.model;
    for (register, row) in model.registers.iter().zip(&lowered.rows) {
        let uses = [(register.layout, "layout", 64), (register.layout32, "layout32", 32)];
        for (layout, key, xlen) in uses {
            let Some(layout) = layout.map(|index| &model.layouts[index]) else { continue };
            let width = match register.width {
                Width::Bits(bits) if key == "layout" => bits,
                Width::Ulong => xlen,
                _ => {
                    let message = format!("`{}` has no layout of XLEN 32", register.name.text);
                    let finding = Finding::new("E0309", row.value(key), message);
                    findings.push(finding.help("only an `ulong` register has `layout32`"));
                    continue;
                }
            };
            if layout.width != width {
                let message = format!(
                    "layout `{}` has {} bits, the register {width}",
                    layout.name, layout.width
                );
                findings.push(
                    Finding::new("E0309", row.value(key), message)
                        .help("use a layout of the same width"),
                );
            }
        }
    }
    for (layout, origin) in model.layouts.iter().zip(&lowered.layouts) {
        if !matches!(layout.width, 8 | 16 | 32 | 64 | 128) {
            let message = format!("layout `{}` has {} bits", layout.name, layout.width);
            let finding = Finding::new("E0309", origin.place.clone().as_key(), message);
            findings.push(finding.help("a layout has 8, 16, 32, 64 or 128 bits"));
        }
    }
}
