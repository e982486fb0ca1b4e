//! Every bit of a described layout belongs to a field.

use super::widths_legal;
use crate::diagnostics::Finding;
use crate::lower::Lowered;
use crate::model::Layout;

pub(super) fn check(lowered: &Lowered, findings: &mut Vec<Finding>) {
    let without_width = widths_legal::layouts_without(lowered);
    for (at, (layout, origin)) in lowered.model.layouts.iter().zip(&lowered.layouts).enumerate() {
        if !origin.complete || without_width.contains(&at) {
            continue;
        }
        let gaps = gaps(layout);
        if gaps.is_empty() {
            continue;
        }
        let message = format!("bits of `{}` that no field has: {}", layout.name, gaps.join(", "));
        let finding = Finding::new("E0304", origin.fields().into_key(), message);
        let quoted: Vec<_> = gaps
            .iter()
            .map(|gap| if gap.contains("..") { format!("\"{gap}\"") } else { gap.clone() })
            .collect();
        findings.push(
            finding.help(format!("name them, or add them to `RES0: [{}]`", quoted.join(", "))),
        );
    }
}

/// Runs of bits without a field, from the top.
fn gaps(layout: &Layout) -> Vec<String> {
    let mut pieces: Vec<_> = layout.fields.iter().flat_map(|field| field.pieces.iter()).collect();
    pieces.sort_unstable_by_key(|piece| piece.lsb);
    let mut gaps = Vec::new();
    let mut next = 0;
    let mut gap = |from: u32, end: u32| {
        if from + 1 == end {
            gaps.push(format!("{from}"));
        } else if from < end {
            gaps.push(format!("{}..{from}", end - 1));
        }
    };
    for piece in pieces {
        gap(next, piece.lsb.min(layout.width));
        next = next.max(piece.msb.saturating_add(1));
    }
    gap(next, layout.width);
    gaps.reverse();
    gaps
}
