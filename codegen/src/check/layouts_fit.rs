//! A layout is as wide as the registers that use it, and as one that an integer can hold.

use crate::diagnostics::{Finding, Place};
use crate::lower::{LayoutAt, Lowered, RowAt};
use crate::model::{Layout, Register, Width};

use super::widths_legal;

pub(super) fn check(lowered: &Lowered, findings: &mut Vec<Finding>) {
    for (register, row) in lowered.model.registers.iter().zip(&lowered.rows) {
        // An alias has the layouts of the register that it names.
        if register.alias_of.is_some() || widths_legal::problem(lowered, register).is_some() {
            continue;
        }
        let uses = [(register.layout, "layout", 64), (register.layout32, "layout32", 32)];
        for (index, key, xlen) in uses {
            let Some(layout) = index.map(|index| &lowered.model.layouts[index]) else { continue };
            findings.extend(match layout.shared {
                true => shared(layout, register, *row, key, xlen),
                false if is_integer(layout.width) => None,
                false => Some(not_integer(layout, row.value("fields").into_key())),
            });
        }
    }
    for (layout, origin) in lowered.model.layouts.iter().zip(&lowered.layouts) {
        if let LayoutAt::Shared(place) = &origin.at
            && !is_integer(layout.width)
        {
            findings.push(not_integer(layout, place.value("width")));
        }
    }
}

/// What is wrong with the use of a shared layout under `key`, which a register has on hosts of `xlen`.
fn shared(
    layout: &Layout,
    register: &Register,
    row: RowAt,
    key: &str,
    xlen: u32,
) -> Option<Finding> {
    let name = &register.name.text;
    let (message, help) = match register.width {
        Width::Vlenb => (
            format!("`{name}` is as wide as the host's vector registers: it has no layout"),
            "take the layout out",
        ),
        Width::Bits(_) if key == "layout32" => (
            format!("`{name}` has no layout of XLEN 32"),
            "only an `ulong` register has `layout32`",
        ),
        Width::Bits(width) if layout.width != width => (
            format!("layout `{}` has {} bits, `{name}` has {width}", layout.name, layout.width),
            "use a layout of the same width",
        ),
        Width::Ulong if layout.width != xlen => (
            format!("layout `{}` has {} bits, not {xlen}", layout.name, layout.width),
            "`layout` is for XLEN 64, `layout32` for XLEN 32",
        ),
        _ => return None,
    };
    // A layout that no integer holds is no layout for any register.
    let finding = Finding::new("E0309", row.value(key), message).help(help);
    is_integer(layout.width).then_some(finding)
}

fn is_integer(width: u32) -> bool {
    matches!(width, 8 | 16 | 32 | 64 | 128)
}

fn not_integer(layout: &Layout, place: Place) -> Finding {
    let message = format!("layout `{}` has {} bits", layout.name, layout.width);
    Finding::new("E0309", place, message).help("a layout has 8, 16, 32, 64 or 128 bits")
}
