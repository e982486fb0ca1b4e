//! What must hold between the rows of a table: one rule a file, named as the fact it establishes.
//!
//! The rules are independent of each other; each reads the model and reports all it finds. What concerns one value
//! alone was said when it was read.

mod aliases_share_ids;
mod bits_described;
mod enums_fit;
mod fields_disjoint;
mod fields_in_range;
mod groups_disjoint;
mod ids_unique;
mod layouts_fit;
mod layouts_used;
mod names_free;
mod names_unique;
mod numbers_fit;
mod strides_set;
mod widths_legal;

use crate::diagnostics::Finding;
use crate::lower::Lowered;

/// Runs every rule.
pub(crate) fn check(lowered: &Lowered, findings: &mut Vec<Finding>) {
    let rules: [fn(&Lowered, &mut Vec<Finding>); 14] = [
        groups_disjoint::check,
        widths_legal::check,
        numbers_fit::check,
        strides_set::check,
        names_free::check,
        names_unique::check,
        ids_unique::check,
        aliases_share_ids::check,
        layouts_fit::check,
        layouts_used::check,
        fields_in_range::check,
        fields_disjoint::check,
        bits_described::check,
        enums_fit::check,
    ];
    for rule in rules {
        rule(lowered, findings);
    }
}
