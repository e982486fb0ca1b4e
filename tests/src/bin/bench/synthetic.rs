//! Tables that are made up, as large as wanted.

use std::fmt::Write;

/// `arch.yaml` of the made-up tables.
pub(crate) const ARCH: &str = "arch: synthetic
code: 0x60
kernel: \"7.3\"
doc: \"Made up\"
groups:
  all: {file: all.yaml, base: 0x10000000, number: \"27..0\", doc: \"Registers\"}
";

/// Fields of every register: four, as plain numbers, or with one of them enumerated.
#[derive(Clone, Copy)]
pub(crate) enum Fields {
    Plain,
    Enumerated,
}

/// Rows of registers with four fields.
pub(crate) fn rows(count: usize, fields: Fields) -> String {
    let mode = match fields {
        Fields::Plain => "\"62..60\"",
        Fields::Enumerated => "{bits: \"62..60\", enum: {OFF: 0, SLOW: 1, FAST: 2}}",
    };
    let mut text = "registers:\n".to_owned();
    for index in 0..count {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "  - name: REG_{index:05}
    width: 64
    number: {index:#x}
    doc: \"Register {index}\"
    fields:
      ENABLE: 63
      MODE: {mode}
      COUNT: \"59..32\"
      LEVEL: {{bits: \"31..0\", doc: \"Level of {index}\"}}
"
        );
    }
    text
}
