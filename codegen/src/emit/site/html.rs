//! The little HTML that the pages need.

use std::fmt::Write as _;

/// Text of a table, as it stands between tags and in the quotes of an attribute.
pub(super) fn text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Text as code.
pub(super) fn code(words: &str) -> String {
    format!("<code>{}</code>", text(words))
}

/// Text as code that breaks before the offset in a struct.
pub(super) fn place(words: &str) -> String {
    code(words).replacen('+', "<wbr>+", 1)
}

/// A link with text.
pub(super) fn link(to: &str, words: &str) -> String {
    format!("<a href=\"{}\">{}</a>", text(to), text(words))
}

/// Appends a table, whose cells are HTML, in a box that scrolls where the table is too wide.
pub(super) fn table(
    page: &mut String,
    class: &str,
    header: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
) {
    let _ = write!(page, "<div class=\"scroll\"><table class=\"{class}\">\n<thead><tr>");
    for cell in header {
        let _ = write!(page, "<th scope=\"col\">{cell}</th>");
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for cells in rows {
        let _ = writeln!(page, "<tr><td>{}</td></tr>", cells.join("</td><td>"));
    }
    page.push_str("</tbody></table></div>\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_can_neither_open_a_tag_nor_end_an_attribute() {
        assert_eq!(
            text("<b a='1' b=\"2\">&lt;"),
            "&lt;b a=&#39;1&#39; b=&quot;2&quot;&gt;&amp;lt;"
        );
        assert_eq!(link("#\"><b>", "<b>"), "<a href=\"#&quot;&gt;&lt;b&gt;\">&lt;b&gt;</a>");
    }
}
