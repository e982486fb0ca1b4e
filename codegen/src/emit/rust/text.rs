//! Lines of output.

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

/// Appends a documentation line, with everything escaped that Markdown would read as markup.
pub(super) fn doc(out: &mut String, indent: &str, text: &str) {
    out.push_str(indent);
    out.push_str("/// ");
    for c in text.chars() {
        match c {
            '[' | ']' | '<' | '>' | '*' | '_' | '`' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('\n');
}
