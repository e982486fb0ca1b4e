//! States as JSON: what a file says, for people and programs.

use std::fmt::{self, Write};

use super::format::StateFile;
use super::{Saved, VcpuState};
use crate::table::Digits;

impl StateFile {
    /// Writes the JSON view of the file: an object with the version and the vCPUs, a register a line.
    ///
    /// Values are hex, most significant digit first.
    ///
    /// # Errors
    ///
    /// Returns the error of `out`.
    pub fn write_json(&self, out: &mut impl Write) -> fmt::Result {
        write!(out, "{{\"version\": {}, \"vcpus\": [", Self::VERSION)?;
        for (index, state) in self.vcpus.iter().enumerate() {
            out.write_str(if index == 0 { "\n" } else { ",\n" })?;
            vcpu(out, state)?;
        }
        out.write_str("\n]}\n")
    }
}

fn vcpu(out: &mut impl Write, state: &VcpuState) -> fmt::Result {
    let origin = state.origin();
    let order = if origin.big_endian { "big" } else { "little" };
    let texts = [
        ("arch", state.table().name),
        ("kernel", &origin.kernel),
        ("table", &origin.table),
        ("library", &origin.library),
        ("byte_order", order),
    ];
    out.write_char('{')?;
    for (key, value) in texts {
        write!(out, "\"{key}\": {}, ", Quoted(value))?;
    }
    let (xlen, vlenb) = (origin.host.xlen_bytes() * 8, origin.host.vlenb());
    write!(out, "\"xlen\": {xlen}, \"vlenb\": {vlenb}, \"registers\": [")?;
    for (index, saved) in state.registers().enumerate() {
        out.write_str(if index == 0 { "\n  " } else { ",\n  " })?;
        register(out, saved)?;
    }
    out.write_str("\n]}")
}

fn register(out: &mut impl Write, saved: Saved<'_>) -> fmt::Result {
    write!(out, "{{\"name\": {}, ", Quoted(saved.name()))?;
    match (saved.id(), saved.via()) {
        (Some(id), _) => write!(out, "\"id\": \"{id:#018x}\", ")?,
        (None, Some((carrier, offset))) => {
            write!(out, "\"id\": null, \"via\": {}, \"offset\": {offset}, ", Quoted(carrier))?;
        }
        (None, None) => out.write_str("\"id\": null, \"block\": true, ")?,
    }
    let (width, class) = (saved.value().len() * 8, saved.class().name());
    write!(
        out,
        "\"width\": {width}, \"class\": \"{class}\", \"value\": \"{}\"}}",
        Digits(saved.value())
    )
}

/// A text as a JSON string.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for character in self.0.chars() {
            match character {
                '"' | '\\' => write!(f, "\\{character}")?,
                character if character < ' ' => write!(f, "\\u{:04x}", character as u32)?,
                character => f.write_char(character)?,
            }
        }
        f.write_char('"')
    }
}
