//! The little Markdown that the pages need.

use std::fmt::Write as _;

/// Appends a table.
pub(super) fn table(
    page: &mut String,
    header: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
) {
    row(page, header.iter().copied());
    row(page, header.iter().map(|_| "---"));
    for cells in rows {
        row(page, cells.iter().map(String::as_str));
    }
    page.push('\n');
}

fn row<'a>(page: &mut String, cells: impl Iterator<Item = &'a str>) {
    page.push('|');
    for cell in cells {
        let _ = write!(page, " {cell} |");
    }
    page.push('\n');
}

/// Text of a table, as it stands in prose or in a cell.
pub(super) fn text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '|' | '*' | '<' | '`' | '[' => escaped.extend(['\\', c]),
            c if c.is_whitespace() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Text of a table between tags of HTML, where Markdown's escapes do not count.
pub(super) fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace(char::is_whitespace, " ")
}

/// Text of a table as a sentence.
pub(super) fn sentence(words: &str) -> String {
    let stop = if words.ends_with('.') { "" } else { "." };
    format!("{}{stop}", text(words))
}

/// Text as code, in a cell: a pipe ends a cell even there.
pub(super) fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'").replace('|', "\\|").replace('\n', " "))
}

/// An anchor to link to.
pub(super) fn anchor(name: &str) -> String {
    format!("<a id=\"{name}\"></a>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_cannot_end_its_table() {
        let mut page = String::new();
        table(&mut page, &["A", "B"], [vec![text("hv|pr\n*x* <b>"), code("backend:hv|pr")]]);
        assert_eq!(
            page,
            "| A | B |\n| --- | --- |\n| hv\\|pr \\*x\\* \\<b> | `backend:hv\\|pr` |\n\n"
        );
    }
}
