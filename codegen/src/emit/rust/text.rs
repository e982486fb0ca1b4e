//! Lines of output.

use std::fmt;

/// Appends a line.
macro_rules! line {
    ($out:expr) => { $out.push('\n') };
    ($out:expr, $($format:tt)+) => {{
        // Writing to a string cannot fail.
        let _ = ::std::fmt::Write::write_fmt($out, ::std::format_args!($($format)+));
        $out.push('\n');
    }};
}

pub(super) use line;

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
pub(super) fn doc(out: &mut String, indent: &str, text: &str) {
    out.push_str(indent);
    out.push_str("/// ");
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_control() || "[]<>*_`\\".contains(c)) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut chars = special.chars();
        match chars.next() {
            Some(c) if !c.is_control() => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(' '),
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('\n');
}
