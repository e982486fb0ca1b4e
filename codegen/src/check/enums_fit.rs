//! Every named value fits its field, and no two names have the same one.

use std::collections::HashMap;

use crate::diagnostics::Finding;
use crate::lower::Lowered;
use crate::model::low_bits;

pub(super) fn check(lowered: &Lowered, findings: &mut Vec<Finding>) {
    for (layout, origin) in lowered.model.layouts.iter().zip(&lowered.layouts) {
        for (index, field) in layout.fields.iter().enumerate() {
            let width = field.width();
            let mut seen = HashMap::new();
            for value in &field.values {
                let place = |name: &str| origin.field(index).value("enum").value(name);
                if value.value > low_bits(width) {
                    let message = format!(
                        "value {:#x} of `{}` does not fit {width} bit{}",
                        value.value,
                        value.name,
                        if width == 1 { "" } else { "s" }
                    );
                    let bits = origin.field(index).value("bits");
                    let finding = Finding::new("E0305", place(&value.name), message)
                        .related(bits, "the field's bits");
                    findings.push(finding.help(format!(
                        "field `{}` takes at most {:#x}",
                        field.name,
                        low_bits(width)
                    )));
                }
                if let Some(first) = seen.insert(value.value, &value.name) {
                    let message = format!(
                        "value {:#x} of `{}` is `{first}` already",
                        value.value, value.name
                    );
                    let finding =
                        Finding::new("E0306", place(&value.name), message).label("the second");
                    let related = finding.related(place(first), "the first");
                    findings.push(related.help("give it another value, or keep one of the names"));
                }
            }
        }
    }
}
