//! Layouts: shared ones by name, a row's own under the row's constant.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::{Context, LayoutAt, LayoutOrigin, Lowered};
use crate::diagnostics::Finding;
use crate::model::{Layout, Width};
use crate::names;
use crate::source::{RawFields, RawLayout, did_you_mean};

/// Shared layouts by name; `None` where one could not be read.
pub(super) struct Layouts {
    known: HashMap<String, Option<usize>>,
}

impl Layouts {
    /// Lowers the shared layouts of all files.
    pub(super) fn shared(layouts: impl Iterator<Item = RawLayout>, lowered: &mut Lowered) -> Self {
        let mut known = HashMap::new();
        for RawLayout { name, width, doc, source, fields, place } in layouts {
            let index = width.map(|width| {
                let layout = Layout { shared: true, doc, source, ..new(&name, width) };
                push(layout, fields, LayoutAt::Shared(place), lowered)
            });
            match known.entry(name) {
                Entry::Vacant(entry) => {
                    entry.insert(index);
                }
                // The second of one name is not unused as well.
                Entry::Occupied(_) => index.iter().for_each(|&it| lowered.layouts[it].used = true),
            }
        }
        Layouts { known }
    }

    /// Layout of a row: its own `fields`, or the shared one that it names.
    pub(super) fn of_row(
        &self,
        context: &Context<'_>,
        own: Option<RawFields>,
        constant: &str,
        lowered: &mut Lowered,
        findings: &mut Vec<Finding>,
    ) -> Option<usize> {
        let row = context.row;
        let Some(own) = own else {
            return self.by_name(row.layout.as_deref(), context, "layout", lowered, findings);
        };
        if let Some(shared) = &row.layout {
            self.mark_used(shared, lowered);
            let place = context.place.value("layout").into_key();
            let finding = Finding::new("E0102", place, "a row has `fields` or `layout`, not both");
            let fields = context.place.value("fields").into_key();
            findings.push(finding.related(fields, "its own fields").help("keep one of them"));
        }
        let width = match row.width? {
            Width::Bits(bits) => bits,
            Width::Ulong => 64,
            Width::Vlenb => {
                let place = context.place.value("fields");
                let message = "a register of the host's vector length has no fields";
                findings.push(Finding::new("E0309", place, message));
                return None;
            }
        };
        Some(push(new(constant, width), own, LayoutAt::Row(context.place), lowered))
    }

    /// The shared layout called `name`.
    pub(super) fn by_name(
        &self,
        name: Option<&str>,
        context: &Context<'_>,
        key: &str,
        lowered: &mut Lowered,
        findings: &mut Vec<Finding>,
    ) -> Option<usize> {
        let name = name?;
        if let Some(found) = self.known.get(name) {
            self.mark_used(name, lowered);
            return *found;
        }
        // One that could not be read is empty, and was reported; it may be any.
        if name.is_empty() {
            lowered.layouts.iter_mut().for_each(|layout| layout.used = true);
        }
        if name.is_empty() || lowered.incomplete {
            return None;
        }
        let mut known: Vec<_> = self.known.keys().map(String::as_str).collect();
        known.sort_unstable();
        if let Some(meant) = names::nearest(name, known.iter().copied()) {
            self.mark_used(meant, lowered);
        }
        let finding =
            Finding::new("E0209", context.place.value(key), format!("unknown layout `{name}`"));
        findings.push(match known.is_empty() {
            true => finding.help("describe it under `layouts:` of a group's file"),
            false => finding.help(did_you_mean(name, &known, "layouts")),
        });
        None
    }

    fn mark_used(&self, name: &str, lowered: &mut Lowered) {
        if let Some(Some(index)) = self.known.get(name) {
            lowered.layouts[*index].used = true;
        }
    }
}

/// A layout without fields.
fn new(name: &str, width: u32) -> Layout {
    Layout {
        name: name.to_owned(),
        rust: names::type_name(&names::constant(name, "")),
        width,
        fields: Vec::new(),
        shared: false,
        doc: String::new(),
        source: None,
    }
}

/// Adds a layout with these fields.
fn push(layout: Layout, fields: RawFields, at: LayoutAt, lowered: &mut Lowered) -> usize {
    let RawFields { fields, positions, complete } = fields;
    lowered.layouts.push(LayoutOrigin { at, used: false, positions, complete });
    lowered.model.layouts.push(Layout { fields, ..layout });
    lowered.model.layouts.len() - 1
}
