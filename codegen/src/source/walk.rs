//! Reads values out of the tree and collects what is wrong with them, by path.

use super::grammar::{Key, Shape};
use super::node::Node;
use crate::diagnostics::{Finding, Place};
use crate::names;

/// The way to a node, kept on the stack: a [`Place`] is only made when there is something to report.
#[derive(Clone, Copy)]
pub(super) enum At<'a> {
    Root(usize),
    Key(&'a At<'a>, &'a str),
    Entry(&'a At<'a>, usize),
    Item(&'a At<'a>, usize),
}

impl<'a> At<'a> {
    pub(super) fn key(&'a self, key: &'a str) -> At<'a> {
        At::Key(self, key)
    }

    pub(super) fn item(&'a self, index: usize) -> At<'a> {
        At::Item(self, index)
    }

    pub(super) fn place(&self) -> Place {
        match self {
            At::Root(file) => Place::root(*file),
            At::Key(parent, key) => parent.place().value(key),
            At::Entry(parent, position) => parent.place().entry(*position),
            At::Item(parent, index) => parent.place().item(*index),
        }
    }
}

/// Collects findings.
pub(super) struct Walker<'f> {
    pub(super) findings: &'f mut Vec<Finding>,
}

impl Walker<'_> {
    pub(super) fn report(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    fn wrong(&mut self, at: &At<'_>, expected: &str, node: &Node) {
        let mut finding = Finding::new(
            "E0104",
            at.place(),
            format!("expected {expected}, found {}", node.kind()),
        );
        if let Some(help) = help_for(expected, node) {
            finding = finding.help(help);
        }
        self.report(finding);
    }

    /// A mapping, as its entries.
    pub(super) fn map(&mut self, node: Node, at: &At<'_>) -> Option<Vec<(Node, Node)>> {
        match node {
            Node::Map(entries) => Some(entries),
            other => {
                self.wrong(at, "a mapping", &other);
                None
            }
        }
    }

    /// A list.
    pub(super) fn list(&mut self, node: Node, at: &At<'_>) -> Option<Vec<Node>> {
        match node {
            Node::List(items) => Some(items),
            other => {
                self.wrong(at, "a list", &other);
                None
            }
        }
    }

    /// Text.
    pub(super) fn text(&mut self, node: Node, at: &At<'_>) -> Option<String> {
        match node {
            Node::Text(text) if !text.trim().is_empty() => Some(text),
            Node::Text(_) => {
                self.report(Finding::new(
                    "E0104",
                    at.place(),
                    "expected text, found an empty string",
                ));
                None
            }
            other => {
                self.wrong(at, "text", &other);
                None
            }
        }
    }

    /// Text, or a list of texts.
    pub(super) fn texts(&mut self, node: Node, at: &At<'_>) -> Option<Vec<String>> {
        match node {
            Node::List(items) => {
                let read = |(index, item)| self.text(item, &at.item(index));
                Some(items.into_iter().enumerate().filter_map(read).collect())
            }
            other => self.text(other, at).map(|text| vec![text]),
        }
    }

    /// An unsigned number.
    pub(super) fn number(&mut self, node: Node, at: &At<'_>) -> Option<u64> {
        match &node {
            Node::Int(Some(number)) => return Some(*number),
            Node::Int(None) => self.beyond_64_bits(at),
            // What does not fit 128 bits is read as text.
            Node::Text(text) if is_hex(text) && text.len() > 18 => self.beyond_64_bits(at),
            _ => self.wrong(at, "a number", &node),
        }
        None
    }

    fn beyond_64_bits(&mut self, at: &At<'_>) {
        self.report(Finding::new("E0104", at.place(), "expected a number from 0 to 2^64 - 1"));
    }

    /// An unsigned number up to `max`.
    pub(super) fn small(&mut self, node: Node, at: &At<'_>, max: u32) -> Option<u32> {
        let number = self.number(node, at)?;
        match u32::try_from(number).ok().filter(|number| *number <= max) {
            Some(number) => Some(number),
            None => {
                self.report(Finding::new(
                    "E0104",
                    at.place(),
                    format!("{number} is too large: at most {max}"),
                ));
                None
            }
        }
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, node: Node, at: &At<'_>) -> Option<bool> {
        match node {
            Node::Bool(flag) => Some(flag),
            other => {
                self.wrong(at, "true or false", &other);
                None
            }
        }
    }

    /// A release: `"6.18"`.
    pub(super) fn version(&mut self, node: Node, at: &At<'_>) -> Option<String> {
        match node {
            Node::Text(text) => self.is_release(&text, at).then_some(text),
            other => {
                self.wrong(at, "a kernel release", &other);
                None
            }
        }
    }

    /// Whether a text is a release; reports it where not.
    pub(super) fn is_release(&mut self, text: &str, at: &At<'_>) -> bool {
        let mut parts = text.split('.');
        let number = |part: Option<&str>| part.is_some_and(|part| part.parse::<u16>().is_ok());
        let is_release = number(parts.next())
            && number(parts.next())
            && parts.all(|part| part.parse::<u16>().is_ok());
        if !is_release {
            let finding =
                Finding::new("E0104", at.place(), format!("`{text}` is not a kernel release"));
            self.report(finding.help("write it as \"6.18\""));
        }
        is_release
    }

    /// One of the words of an enumeration.
    pub(super) fn word<T: Copy>(
        &mut self,
        node: Node,
        at: &At<'_>,
        words: &[(&str, T)],
    ) -> Option<T> {
        let text = self.text(node, at)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let legal: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        self.unknown_word(at, &text, &legal);
        None
    }

    pub(super) fn unknown_word(&mut self, at: &At<'_>, word: &str, legal: &[&str]) {
        let finding = Finding::new("E0105", at.place(), format!("unknown value `{word}`"));
        self.report(finding.help(did_you_mean(word, legal, "values")));
    }

    /// Reads the entries of a mapping by the keys it may have; reports unknown, repeated and missing ones.
    ///
    /// `read` gets the walker, the key and the value. Returns whether a key that it did not get is missing.
    pub(super) fn keys(
        &mut self,
        node: Node,
        at: &At<'_>,
        keys: &'static [Key],
        mut read: impl FnMut(&mut Self, &'static str, Node, &At<'_>),
    ) -> bool {
        let Some(entries) = self.map(node, at) else { return false };
        // By index: keys read, and those of them that stand under a misspelt name.
        let (mut seen, mut misspelt) = (0u64, 0u64);
        let mut merged = false;
        for (position, (key, value)) in entries.into_iter().enumerate() {
            let entry = At::Entry(at, position);
            let Node::Text(name) = &key else {
                let finding = Finding::new("E0101", entry.place().into_key(), "expected a key");
                self.report(finding.label(format!("this is {}", key.kind())));
                continue;
            };
            if let Some(index) = keys.iter().position(|key| key.name == name) {
                if seen & !misspelt & 1 << index != 0 {
                    self.repeated_key(name, at, position);
                    continue;
                }
                seen |= 1 << index;
                misspelt &= !(1 << index);
                read(self, keys[index].name, value, &at.key(keys[index].name));
                continue;
            }
            merged |= name == MERGE;
            self.unknown_key(name, &value, &entry, keys);
            // What was probably meant is read, so that it is not missing as well.
            let meant = nearest_key(name, keys).filter(|index| seen & 1 << index == 0);
            if let Some(index) = meant {
                seen |= 1 << index;
                misspelt |= 1 << index;
                read(self, keys[index].name, value, &entry);
            }
        }
        for (index, key) in keys.iter().enumerate() {
            if key.required && seen & 1 << index == 0 && !merged {
                let finding =
                    Finding::new("E0103", at.place(), format!("missing key `{}`", key.name));
                self.report(finding.help(format!("add `{}: {}`", key.name, example(key))));
            }
        }
        !merged
    }

    fn unknown_key(&mut self, name: &str, value: &Node, at: &At<'_>, keys: &[Key]) {
        let finding = Finding::new("E0101", at.place().into_key(), format!("unknown key `{name}`"));
        let legal: Vec<_> = keys.iter().map(|key| key.name).collect();
        let help = match value {
            _ if name == MERGE => "tables do not merge: write the keys out".to_owned(),
            Node::Null if nearest_key(name, keys).is_none() => {
                "a comma ends a plain text: put text that has `, ` or `: ` in double quotes"
                    .to_owned()
            }
            _ => did_you_mean(name, &legal, "keys"),
        };
        self.report(finding.help(help));
    }

    /// Reports the entry at `position`, whose key stood earlier in the same mapping.
    pub(super) fn repeated_key(&mut self, name: &str, at: &At<'_>, position: usize) {
        let finding = Finding::new(
            "E0102",
            At::Entry(at, position).place().into_key(),
            format!("key `{name}` twice"),
        );
        let first = at.key(name).place().into_key();
        self.report(
            finding.label("the second").related(first, "the first").help("keep one of them"),
        );
    }

    /// Checks a name; reports it when Rust could not name anything after it.
    pub(super) fn is_name(
        &mut self,
        what: &str,
        name: &str,
        place: impl FnOnce() -> Place,
    ) -> bool {
        let legal = names::is_name(name);
        if !legal {
            let finding = Finding::new("E0206", place(), format!("`{name}` cannot name {what}"));
            self.report(
                finding
                    .help("names begin with a letter and have letters, digits, `_`, `.` and `-`"),
            );
        }
        legal
    }

    /// Reads a mapping from names to values; reports repeated names and names that are not text.
    pub(super) fn names(
        &mut self,
        node: Node,
        at: &At<'_>,
        mut read: impl FnMut(&mut Self, String, Node, &At<'_>),
    ) {
        let Some(entries) = self.map(node, at) else { return };
        let mut seen: Vec<String> = Vec::with_capacity(entries.len());
        for (position, (key, value)) in entries.into_iter().enumerate() {
            let Node::Text(name) = key else {
                let finding = Finding::new(
                    "E0101",
                    At::Entry(at, position).place().into_key(),
                    "expected a name",
                );
                self.report(
                    finding
                        .label(format!("this is {}", key.kind()))
                        .help("put it in double quotes"),
                );
                continue;
            };
            if seen.contains(&name) {
                self.repeated_key(&name, at, position);
                continue;
            }
            read(self, name.clone(), value, &At::Entry(at, position));
            seen.push(name);
        }
    }
}

/// The merge key of YAML 1.1.
const MERGE: &str = "<<";

/// Index of the key that `name` is a misspelling of.
fn nearest_key(name: &str, keys: &[Key]) -> Option<usize> {
    let nearest = names::nearest(name, keys.iter().map(|key| key.name))?;
    keys.iter().position(|key| key.name == nearest)
}

fn is_hex(text: &str) -> bool {
    text.strip_prefix("0x")
        .is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

/// What usually stands behind a value of the wrong kind.
fn help_for(expected: &str, node: &Node) -> Option<String> {
    match (expected, node) {
        ("a number", Node::Text(text))
            if text.contains('_') && text.starts_with(|c: char| c.is_ascii_digit()) =>
        {
            Some(format!(
                "write `{}`: YAML reads a number with underscores as text",
                text.replace('_', "")
            ))
        }
        ("a number", Node::Text(text)) if text.parse::<u64>().is_ok() => {
            let digits = text.trim_start_matches('0');
            Some(format!(
                "write `{}`: without quotes or leading zeros",
                if digits.is_empty() { "0" } else { digits }
            ))
        }
        ("a number", Node::Text(text)) if is_hex(text) => {
            Some("write it without quotes".to_owned())
        }
        ("a number", Node::Text(_)) => Some("write it in decimal, or in hex as in 0x1f".to_owned()),
        ("true or false", Node::Text(_)) => {
            Some("write `true` or `false`, without quotes".to_owned())
        }
        ("a kernel release", Node::Float(_) | Node::Int(_)) => {
            Some("put it in double quotes: YAML reads 6.10 as 6.1".to_owned())
        }
        ("text", Node::Null) => {
            Some("put text in double quotes: a plain `#` begins a comment".to_owned())
        }
        ("text", Node::Int(_) | Node::Float(_) | Node::Bool(_)) => {
            Some("put it in double quotes".to_owned())
        }
        _ => None,
    }
}

/// The nearest legal word, or all of them.
pub(crate) fn did_you_mean(word: &str, legal: &[&str], what: &str) -> String {
    match names::nearest(word, legal.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None if legal.is_empty() => format!("the tables have no {what}"),
        None => format!("{what} here are: {}", legal.join(", ")),
    }
}

/// What a value of this key looks like.
fn example(key: &Key) -> &'static str {
    match key.shape {
        _ if key.name == "width" => "64",
        Shape::Text | Shape::Texts | Shape::Conditions => "\"...\"",
        Shape::Name | Shape::Word | Shape::WordList => "NAME",
        Shape::Number | Shape::NumberOrParts => "0x0",
        Shape::Width => "64",
        Shape::Flag | Shape::Support => "true",
        Shape::Version => "\"7.3\"",
        Shape::Parts => "\"15..0\"",
        Shape::Bits => "\"3..0\"",
        Shape::Words(words) => words[0],
        Shape::ListOf(_) => "[...]",
        Shape::Map(_) | Shape::MapOf(_) | Shape::TextMap | Shape::NumberMap | Shape::Fields => {
            "{...}"
        }
    }
}
