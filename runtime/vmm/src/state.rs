//! `onereg-vmm state`: files of vCPU states, shown and compared; no KVM needed, any architecture on any host.

mod diff;
mod show;

use std::fs;
use std::path::Path;

use onereg::{FieldValue, StateFile};
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
