//! Every field lies within its register.

use super::widths_legal;
use crate::diagnostics::Finding;
use crate::lower::Lowered;

pub(super) fn check(lowered: &Lowered, findings: &mut Vec<Finding>) {
    let without_width = widths_legal::layouts_without(lowered);
    for (at, (layout, origin)) in lowered.model.layouts.iter().zip(&lowered.layouts).enumerate() {
        if without_width.contains(&at) {
            continue;
        }
        for (index, field) in layout.fields.iter().enumerate() {
            let Some(piece) = field.pieces.iter().find(|piece| piece.msb >= layout.width) else {
                continue;
            };
            let message = format!(
                "field `{}` uses bit {}, `{}` has {} bits",
                field.name, piece.msb, layout.name, layout.width
            );
            let finding = Finding::new("E0301", origin.field(index), message)
                .label("beyond it")
                .related(origin.width(), "the width");
            findings.push(
                finding
                    .help(format!("bits are counted from 0 to {}", layout.width.saturating_sub(1))),
            );
        }
    }
}
