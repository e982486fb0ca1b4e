//! Lines of output.

use std::fmt::{self, Write as _};

/// Appends text.
macro_rules! put {
    ($out:expr, $($format:tt)+) => {{
        // Writing to a string cannot fail.
        let _ = ::std::fmt::Write::write_fmt($out, ::std::format_args!($($format)+));
    }};
}

/// Appends a line.
macro_rules! line {
    ($out:expr) => { $out.push('\n') };
    ($out:expr, $($format:tt)+) => {{
        $crate::emit::rust::text::put!($out, $($format)+);
        $out.push('\n');
    }};
}

pub(super) use {line, put};

/// A text as a Rust literal.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain =
            self.0.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\');
        if !plain {
            return write!(f, "{:?}", self.0);
        }
        f.write_str("\"")?;
        f.write_str(self.0)?;
        f.write_str("\"")
    }
}

/// Appends a documentation line, with everything escaped that Markdown would read as markup.
pub(super) fn doc(out: &mut String, indent: &str, text: impl fmt::Display) {
    out.push_str(indent);
    out.push_str("/// ");
    // Writing to a string cannot fail.
    let _ = write!(Escaped(out), "{text}");
    out.push('\n');
}

/// Whether Markdown would read it as markup, or a comment end with it.
fn is_special(c: char) -> bool {
    matches!(c, '[' | ']' | '<' | '>' | '*' | '_' | '`' | '|' | '\\') || c.is_control()
}

/// Escapes what is written to it.
pub(super) struct Escaped<'a>(pub(super) &'a mut String);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(is_special) {
            let (plain, special) = rest.split_at(at);
            self.0.push_str(plain);
            let mut chars = special.chars();
            match chars.next() {
                Some(c) if !c.is_control() => {
                    self.0.push('\\');
                    self.0.push(c);
                }
                _ => self.0.push(' '),
            }
            rest = chars.as_str();
        }
        self.0.push_str(rest);
        Ok(())
    }
}
