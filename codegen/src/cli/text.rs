//! Columns of text for a terminal, and places in a text.

use anstream::adapter::strip_str;

/// Columns that a line may have.
const WIDTH: usize = 100;
/// Columns that a wrapped last cell has at least.
const LAST: usize = 30;
/// Columns from which on another cell wraps.
const OTHER: usize = 24;

/// Aligns the cells of `rows`, two spaces between columns, each line behind `indent`; long cells wrap.
///
/// Styles take no columns.
pub(crate) fn table(indent: &str, rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0).saturating_sub(1);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.flat_map(|cell| wrap(cell, OTHER)).map(|part| length(&part)).max()
    };
    let mut widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let before = indent.len() + widths.iter().map(|width| width + 2).sum::<usize>();
    widths.push(WIDTH.saturating_sub(before).max(LAST));
    rows.iter().map(|row| lines(indent, row, &widths)).collect()
}

/// Line and column, in characters from 1, of a byte of `text`.
pub(crate) fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or("");
    let line = before.rsplit('\n').next().unwrap_or("");
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// The lines of a row whose cells have these widths.
fn lines(indent: &str, row: &[String], widths: &[usize]) -> String {
    let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| wrap(cell, *width)).collect();
    let mut text = String::new();
    for number in 0..cells.iter().map(Vec::len).max().unwrap_or(0) {
        let mut line = indent.to_owned();
        for (cell, width) in cells.iter().zip(widths) {
            let part = cell.get(number).map_or("", String::as_str);
            line.push_str(part);
            line.push_str(&" ".repeat(width.saturating_sub(length(part)) + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The columns that `text` takes.
fn length(text: &str) -> usize {
    strip_str(text).map(|part| part.chars().count()).sum()
}

/// Breaks `text` between words into lines of at most `width` characters; a longer word has a line of its own.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut taken = 0;
    for word in text.split_whitespace() {
        let more = length(word);
        if taken > 0 && taken + 1 + more > width {
            lines.push(String::new());
            taken = 0;
        }
        if let Some(line) = lines.last_mut() {
            let space = usize::from(taken > 0);
            line.push_str(&" "[..space]);
            line.push_str(word);
            taken += space + more;
        }
    }
    lines
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn assert_fits(text: &str) {
        for line in text.lines() {
            assert!(length(line) <= WIDTH, "{} columns: {line}", length(line));
        }
    }

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
    fn another_column_wraps_and_the_rest_of_its_row_stays_above() {
        let bits = "63..62, ".repeat(8);
        let text =
            table("", &[vec![bits, "RES0".to_owned()], vec!["1".to_owned(), "M".to_owned()]]);
        let first = format!("{}63..62,  RES0", "63..62, ".repeat(2));
        assert_eq!(text.lines().next(), Some(first.as_str()));
        assert_eq!(text.lines().nth(1), Some("63..62, 63..62, 63..62,"));
        assert_eq!(text.lines().nth(2), Some("63..62, 63..62,"));
        assert_eq!(text.lines().nth(3).map(str::len), Some(first.len() - 3));
    }

    #[test]
    fn a_word_may_be_longer_than_a_line() {
        assert_eq!(wrap("a bbbbbb c", 4), ["a", "bbbbbb", "c"]);
        assert_eq!(wrap("", 4), [""]);
    }
}
