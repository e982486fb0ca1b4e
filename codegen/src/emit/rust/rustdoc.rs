//! Documentation of more than a line: the fields of a register, and the registers that have a value type.

use super::constants::access;
use super::layouts::Pieces;
use super::text::{Escaped, line, put};
use crate::model::{Arch, Field, Layout, Register, Width};

/// Documents the fields of a register, most significant first.
pub(super) fn fields(out: &mut String, arch: &Arch, register: &Register) {
    let heading = match register.width {
        Width::Ulong => "Fields where XLEN is 64",
        _ => "Fields",
    };
    let layouts = [(heading, register.layout), ("Fields where XLEN is 32", register.layout32)];
    let mut text = String::new();
    for (heading, layout) in layouts {
        if let Some(layout) = layout {
            table(&mut text, heading, &arch.layouts[layout]);
        }
    }
    attribute(out, &text);
}

/// Links to the constants whose values have a type.
pub(super) fn constants(out: &mut String, constants: &[&str]) {
    let links: Vec<_> = constants.iter().map(|constant| format!("[`const@{constant}`]")).collect();
    if !links.is_empty() {
        attribute(out, &format!("Registers: {}.", links.join(", ")));
    }
}

/// Documents what is declared next, by one attribute: it compiles faster than a comment for each line.
fn attribute(out: &mut String, text: &str) {
    if !text.is_empty() {
        line!(out, "///");
        line!(out, "#[doc = {text:?}]");
    }
}

fn table(text: &mut String, heading: &str, layout: &Layout) {
    put!(text, "{heading}:\n\n| Bits | Field | Meaning |\n|---|---|---|\n");
    for field in layout.fields.iter().filter(|field| !field.kind.is_reserved()) {
        put!(text, "| {} | ", Pieces(&field.pieces));
        put!(&mut Escaped(text), "{}", field.name);
        put!(text, " | ");
        put!(&mut Escaped(text), "{}", meaning(field));
        put!(text, " |\n");
    }
    put!(text, "\n");
}

/// `No execute; also EFER_NX`, `Privileged access never; 0x0 NI, 0x1 IMP`
fn meaning(field: &Field) -> String {
    let also = match field.also.as_slice() {
        [] => String::new(),
        names => format!("also {}", names.join(", ")),
    };
    let values: Vec<_> =
        field.values.iter().map(|value| format!("{:#x} {}", value.value, value.name)).collect();
    let access = field.access.map(access).unwrap_or_default();
    let parts = [field.doc.trim_end_matches('.'), &also, access, &values.join(", ")];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}
