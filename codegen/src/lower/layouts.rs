//! Layouts: shared ones by name, a row's own under the row's constant.

use std::collections::HashMap;

use super::{Context, LayoutOrigin, Lowered};
use crate::diagnostics::Finding;
use crate::model::{Layout, Width};
use crate::names;
use crate::source::{RawLayout, Tables, did_you_mean};

/// Shared layouts by name.
pub(super) struct Layouts {
    known: HashMap<String, usize>,
    incomplete: bool,
}

impl Layouts {
    /// Lowers the shared layouts of all files.
    pub(super) fn shared(
        tables: &Tables,
        lowered: &mut Lowered,
        findings: &mut Vec<Finding>,
    ) -> Self {
        let mut layouts = Layouts { known: HashMap::new(), incomplete: tables.incomplete };
        for layout in tables.files.iter().flat_map(|file| &file.layouts) {
            let Some(width) = layout.width else {
                layouts.incomplete = true;
                continue;
            };
            let index = push(layout, &layout.name, width, true, lowered);
            if let Some(first) = layouts.known.insert(layout.name.clone(), index) {
                let message = format!("layout `{}` twice", layout.name);
                let first = lowered.layouts[first].place.clone();
                let finding =
                    Finding::new("E0201", layout.place.clone(), message).label("the second");
                findings.push(finding.related(first, "the first").help("share one, or rename one"));
            }
        }
        layouts
    }

    /// Layout of a row: its own `fields`, or the shared one that it names.
    pub(super) fn of_row(
        &self,
        context: &Context<'_>,
        constant: &str,
        lowered: &mut Lowered,
        findings: &mut Vec<Finding>,
    ) -> Option<usize> {
        let row = context.row;
        let Some(own) = &row.fields else {
            return self.by_name(row.layout.as_deref(), context, "layout", findings);
        };
        if row.layout.is_some() {
            let place = context.place.value("layout").as_key();
            let finding = Finding::new("E0102", place, "a row has `fields` or `layout`, not both");
            let fields = context.place.value("fields").as_key();
            findings.push(finding.related(fields, "its own fields").help("keep one of them"));
        }
        let width = match row.width? {
            Width::Bits(bits) => bits,
            Width::Ulong => 64,
            Width::Vlenb => {
                let finding = Finding::new(
                    "E0309",
                    own.place.clone(),
                    "a register of the host's vector length has no fields",
                );
                findings.push(finding);
                return None;
            }
        };
        Some(push(own, constant, width, false, lowered))
    }

    /// The shared layout called `name`.
    pub(super) fn by_name(
        &self,
        name: Option<&str>,
        context: &Context<'_>,
        key: &str,
        findings: &mut Vec<Finding>,
    ) -> Option<usize> {
        let name = name?;
        let found = self.known.get(name).copied();
        if found.is_none() && !self.incomplete {
            let mut known: Vec<_> = self.known.keys().map(String::as_str).collect();
            known.sort_unstable();
            let finding =
                Finding::new("E0209", context.place.value(key), format!("unknown layout `{name}`"));
            findings.push(match known.is_empty() {
                true => finding.help("describe it under `layouts:` of a group's file"),
                false => finding.help(did_you_mean(name, &known, "layouts")),
            });
        }
        found
    }
}

fn push(raw: &RawLayout, name: &str, width: u32, shared: bool, lowered: &mut Lowered) -> usize {
    lowered.layouts.push(LayoutOrigin {
        place: raw.place.clone(),
        positions: raw.fields.iter().map(|field| field.position).collect(),
        complete: raw.complete,
    });
    lowered.model.layouts.push(Layout {
        name: name.to_owned(),
        rust: names::type_name(&names::constant(name, "")),
        width,
        fields: raw.fields.iter().map(|field| field.field.clone()).collect(),
        shared,
        doc: raw.doc.clone(),
        source: raw.source.clone(),
    });
    lowered.model.layouts.len() - 1
}
