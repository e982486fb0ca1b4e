//! Findings: what is wrong in a table, where, and what to do about it.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use crate::source::yaml;

/// A finding, with its places resolved to lines and columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code: `E0201`.
    pub code: &'static str,
    /// What is wrong: a lower-case sentence without a full stop.
    pub message: String,
    /// Where it is.
    pub span: Span,
    /// What the caret says.
    pub label: String,
    /// Other places that belong to it, with what to say there.
    pub related: Vec<(Span, String)>,
    /// What to do.
    pub help: Option<String>,
}

/// A run of characters in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Path, as the caller named the file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Byte offset of the first character.
    pub start: usize,
    /// Byte offset after the last character.
    pub end: usize,
}

/// A place in a table, as a path from the root of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Index of the file in [`crate::Sources`].
    pub(crate) file: usize,
    /// Way to the node.
    pub(crate) path: Vec<Step>,
    /// Whether the last step means the key itself.
    pub(crate) key: bool,
    /// Byte offset, where no path leads: a syntax error.
    offset: Option<usize>,
}

/// A step from a node to one of its children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Value of the first entry with this key.
    Key(String),
    /// Value of the entry at this position: keys may repeat.
    Entry(usize),
    /// Item of a sequence.
    Item(usize),
}

impl Place {
    /// The root of a file.
    pub(crate) fn root(file: usize) -> Self {
        Place { file, path: Vec::new(), key: false, offset: None }
    }

    /// A byte of a file.
    pub(crate) fn byte(file: usize, offset: usize) -> Self {
        Place { offset: Some(offset), ..Place::root(file) }
    }

    /// The value of `key` in this mapping.
    pub(crate) fn value(&self, key: &str) -> Self {
        self.step(Step::Key(key.to_owned()))
    }

    /// The value of the entry at `position` in this mapping.
    pub(crate) fn entry(&self, position: usize) -> Self {
        self.step(Step::Entry(position))
    }

    /// The item `index` of this sequence.
    pub(crate) fn item(&self, index: usize) -> Self {
        self.step(Step::Item(index))
    }

    /// The key that leads to this value.
    pub(crate) fn into_key(mut self) -> Self {
        self.key = true;
        self
    }

    fn step(&self, step: Step) -> Self {
        let mut path = self.path.clone();
        path.push(step);
        Place { path, ..Place::root(self.file) }
    }
}

/// A finding whose places are still paths.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) place: Place,
    pub(crate) label: String,
    pub(crate) related: Vec<(Place, String)>,
    pub(crate) help: Option<String>,
}

impl Finding {
    /// A finding at one place.
    pub(crate) fn new(code: &'static str, place: Place, message: impl Into<String>) -> Self {
        Finding {
            code,
            message: message.into(),
            place,
            label: String::new(),
            related: Vec::new(),
            help: None,
        }
    }

    /// Says what the caret shows.
    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds another place that belongs to it.
    pub(crate) fn related(mut self, place: Place, label: impl Into<String>) -> Self {
        self.related.push((place, label.into()));
        self
    }

    /// Says what to do.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// One file, as its findings need it.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Resolves the places of all findings and sorts them by file and position.
pub(crate) fn resolve(findings: Vec<Finding>, files: &[Text]) -> Vec<Diagnostic> {
    let mut locator = Locator { files, finders: BTreeMap::new() };
    let mut resolved: Vec<_> =
        findings.into_iter().map(|finding| locator.finding(finding)).collect();
    let file = |found: &Diagnostic| files.iter().position(|file| file.path == found.span.file);
    // What is found at one place stays in the order in which it was found.
    resolved.sort_by_cached_key(|found| (file(found), found.span.start));
    // Many rows may share one mistake of their group.
    let mut seen = HashSet::new();
    resolved.retain(|found| seen.insert((found.span.clone(), found.message.clone())));
    resolved
}

struct Locator<'a> {
    files: &'a [Text],
    finders: BTreeMap<usize, yaml::Finder<'a>>,
}

impl Locator<'_> {
    fn finding(&mut self, finding: Finding) -> Diagnostic {
        let related = finding.related.iter();
        Diagnostic {
            code: finding.code,
            message: printable(finding.message),
            span: self.span(&finding.place),
            label: printable(finding.label),
            related: related
                .map(|(place, label)| (self.span(place), printable(label.clone())))
                .collect(),
            help: finding.help.map(printable),
        }
    }

    fn span(&mut self, place: &Place) -> Span {
        if let Some(offset) = place.offset {
            return self.span_at(place.file, offset);
        }
        let files = self.files;
        let finder = self.finders.entry(place.file).or_insert_with(|| {
            yaml::Finder::new(files.get(place.file).map_or("", |file| file.text.as_str()))
        });
        let offset = finder.locate(&place.path, place.key);
        self.span_at(place.file, offset)
    }

    fn span_at(&self, file: usize, offset: usize) -> Span {
        let Some(file) = self.files.get(file) else {
            return Span { file: String::new(), line: 1, column: 1, start: 0, end: 0 };
        };
        let mut start = offset.min(file.text.len());
        while !file.text.is_char_boundary(start) {
            start -= 1;
        }
        let before = &file.text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Span {
            file: file.path.clone(),
            line: before.matches('\n').count() + 1,
            // A byte order mark is no character of the first line.
            column: before[line_start..].trim_start_matches('\u{feff}').chars().count() + 1,
            start,
            end: start + token_length(&file.text[start..]),
        }
    }
}

/// Writes control characters as escapes: a text of a table may hold line breaks.
fn printable(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    let escape =
        |c: char| if c.is_control() { c.escape_debug().to_string() } else { c.to_string() };
    text.chars().map(escape).collect()
}

/// Length in bytes of the scalar, bracket or word at the start of `rest`.
fn token_length(rest: &str) -> usize {
    let line = rest.split('\n').next().unwrap_or("");
    let mut chars = line.char_indices();
    match chars.next() {
        None => 0,
        Some((_, quote @ ('"' | '\''))) => {
            let mut escaped = false;
            for (index, c) in chars {
                match c {
                    _ if escaped => escaped = false,
                    '\\' if quote == '"' => escaped = true,
                    _ if c == quote => return index + 1,
                    _ => {}
                }
            }
            line.trim_end().len()
        }
        Some((_, open @ ('{' | '['))) => {
            line.find(if open == '{' { '}' } else { ']' }).map_or(1, |end| end + 1)
        }
        Some(_) => plain_length(line),
    }
}

/// Length of a plain scalar: up to a separator, a comment or the end of the line.
fn plain_length(line: &str) -> usize {
    let end = [", ", ",\n", ": ", " #", "}", "]"]
        .iter()
        .filter_map(|stop| line.find(stop))
        .chain([line.strip_suffix(':').unwrap_or(line).trim_end_matches(',').len()])
        .min()
        .unwrap_or(line.len());
    line[..end].trim_end().len().max(1).min(line.len())
}

impl fmt::Display for Diagnostic {
    /// Writes `FILE:LINE:COLUMN: error: MESSAGE`, and the help behind it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Span { file, line, column, .. } = &self.span;
        write!(f, "{file}:{line}:{column}: error: {}", self.message)?;
        match &self.help {
            Some(help) => write!(f, "\nhelp: {help}"),
            None => Ok(()),
        }
    }
}
