//! Columns of text for a terminal.

use std::fmt::Write as _;

/// Columns that a line may have.
const WIDTH: usize = 100;
/// Columns that a wrapped last cell has at least.
const LAST: usize = 30;

/// Aligns the cells of `rows`, two spaces between columns, each line behind `indent`; the last cell wraps.
pub(crate) fn table(indent: &str, rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0).saturating_sub(1);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let before = indent.len() + widths.iter().map(|width| width + 2).sum::<usize>();
    let mut text = String::new();
    for row in rows {
        let mut line = indent.to_owned();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        let last = row.get(columns).map_or("", String::as_str);
        for (number, part) in wrap(last, WIDTH.saturating_sub(before).max(LAST)).iter().enumerate()
        {
            if number > 0 {
                line = " ".repeat(before);
            }
            line.push_str(part);
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}

/// Breaks `text` between words into lines of at most `width` characters; a longer word has a line of its own.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut length = 0;
    for word in text.split_whitespace() {
        let more = word.chars().count();
        if length > 0 && length + 1 + more > width {
            lines.push(String::new());
            length = 0;
        }
        if let Some(line) = lines.last_mut() {
            let space = usize::from(length > 0);
            line.push_str(&" "[..space]);
            line.push_str(word);
            length += space + more;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_the_last_one_wraps() {
        let long = "word ".repeat(30);
        let text =
            table("  ", &[vec!["a".to_owned(), "b".to_owned()], vec!["long".to_owned(), long]]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "  a     b");
        assert!(lines[1].starts_with("  long  word word"));
        assert!(lines[2].starts_with("        word"));
        assert!(lines.iter().all(|line| line.len() <= WIDTH), "{text}");
    }

    #[test]
    fn a_word_may_be_longer_than_a_line() {
        assert_eq!(wrap("a bbbbbb c", 4), ["a", "bbbbbb", "c"]);
        assert_eq!(wrap("", 4), [""]);
    }
}
