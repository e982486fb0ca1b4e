//! `onereg-vmm state`: files of vCPU states, shown and compared; no KVM needed, any architecture on any host.

mod diff;
mod show;

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use onereg::{Digits, FieldValue, Saved, StateFile};
use serde::Serialize;

use crate::cli::StateCommand;
use crate::failure::Failure;

/// Shows a file or compares two.
pub(crate) fn run(command: &StateCommand) -> Result<(), Failure> {
    match command {
        StateCommand::Show(options) => show::run(options),
        StateCommand::Diff(options) => diff::run(options),
    }
}

/// Reads a file of states.
pub(crate) fn read(path: &Path) -> Result<StateFile, Failure> {
    let bytes = fs::read(path)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))?;
    StateFile::from_bytes(&bytes)
        .map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}

/// Prints a register, with its fields that are not zero.
pub(crate) fn print(saved: Saved<'_>, out: &mut impl Write) -> io::Result<()> {
    let fields = fields(saved).filter(|field| field.value != 0);
    let fields: String = fields.map(|field| format!("  {}: {field}", field.field.name)).collect();
    writeln!(out, "  {:<24} {:<18} {}{fields}", saved.name(), place(saved), Digits(saved.value()))
}

/// Names the place of a register: its id, or the offset in a carrier's struct.
fn place(saved: Saved<'_>) -> String {
    match (saved.id(), saved.via()) {
        (Some(id), _) => format!("{id:#018x}"),
        (None, Some((carrier, offset))) => format!("{carrier} + {offset:#x}"),
        (None, None) => "block".to_owned(),
    }
}

fn fields(saved: Saved<'_>) -> impl Iterator<Item = FieldValue> {
    saved.info().into_iter().flat_map(move |info| info.fields(saved.value()))
}

/// A field and its value, as JSON.
#[derive(Debug, Serialize)]
struct Field {
    name: &'static str,
    value: String,
    text: String,
}

impl From<FieldValue> for Field {
    fn from(field: FieldValue) -> Self {
        Field {
            name: field.field.name,
            value: format!("{:#x}", field.value),
            text: field.to_string(),
        }
    }
}
