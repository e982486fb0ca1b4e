//! A formatted table as somebody else would write it: keys shuffled, lines broken, quotes added, commented all over.

use crate::random::Dice;

/// Rewrites a formatted text. Returns it with the comments that were added.
pub fn respell(text: &str, dice: &mut Dice<'_>) -> (String, Vec<String>) {
    let mut speller = Speller { text: String::new(), comments: Vec::new(), dice };
    for line in text.lines() {
        speller.line(line);
    }
    (speller.text, speller.comments)
}

struct Speller<'a, 'd> {
    text: String,
    comments: Vec<String>,
    dice: &'a mut Dice<'d>,
}

impl Speller<'_, '_> {
    fn line(&mut self, line: &str) {
        let indent = " ".repeat(line.len() - line.trim_start().len());
        if let Some(comment) = self.comment() {
            self.text += &format!("{indent}{comment}\n");
        }
        match line.trim_start().strip_prefix("- {").and_then(|row| row.strip_suffix('}')) {
            Some(row) => self.row(&indent, row),
            None => self.text += line,
        }
        // A comment has its line for itself.
        let comment = if line.trim_start().starts_with('#') { None } else { self.comment() };
        self.text += &comment.map_or("\n".to_owned(), |comment| format!(" {comment}\n"));
    }

    fn row(&mut self, indent: &str, row: &str) {
        let mut entries = entries(row);
        for last in (1..entries.len()).rev() {
            entries.swap(last, self.roll(last + 1));
        }
        self.text += &format!("{indent}- {{");
        for (index, entry) in entries.iter().enumerate() {
            let name = entry.strip_prefix("name: ").filter(|name| !name.starts_with('"'));
            let entry = match name {
                Some(name) if self.roll(2) == 0 => format!("name: '{name}'"),
                _ => (*entry).to_owned(),
            };
            let comma = if index + 1 < entries.len() { "," } else { "" };
            let comment = self.comment().unwrap_or_default();
            let end = match self.roll(3) {
                0 if comment.is_empty() => comma.to_owned() + " ",
                _ => format!("{comma} {comment}\n{indent}    "),
            };
            self.text += &(entry + &end);
        }
        self.text.push('}');
    }

    /// A comment in one of four places.
    fn comment(&mut self) -> Option<String> {
        if self.roll(4) > 0 {
            return None;
        }
        let comment = format!("#~{}~", self.comments.len());
        self.comments.push(comment.clone());
        Some(comment)
    }

    fn roll(&mut self, below: usize) -> usize {
        (self.dice)(u32::try_from(below).unwrap_or(u32::MAX)) as usize
    }
}

/// Splits what is between two brackets at the commas that are in no further ones, and in no quotes.
fn entries(text: &str) -> Vec<&str> {
    let (mut depth, mut in_quotes, mut escaped) = (0, false, false);
    let is_comma = |c: char| {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = in_quotes,
            '"' => in_quotes = !in_quotes,
            '{' | '[' if !in_quotes => depth += 1,
            '}' | ']' if !in_quotes => depth -= 1,
            _ => {}
        }
        c == ',' && !in_quotes && depth == 0
    };
    text.split(is_comma).map(str::trim).collect()
}
