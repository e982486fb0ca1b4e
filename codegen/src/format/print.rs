//! The tree as text.

use std::fmt::Write as _;

use super::tree::{Item, Items, Scalar, Value};
use crate::names;
use crate::source::grammar::{FIELD, Key, Shape};
use crate::source::node::Node;
use crate::source::yaml;

/// Writes a file whose root has `keys`.
pub(super) fn file(root: Value<'_>, keys: &'static [Key]) -> String {
    let mut printer = Printer { out: String::new() };
    if let Value::Map(mut root) = root {
        // What a file says of itself stays at its head, whichever key is the first.
        let head = root.items.first_mut().map(|first| std::mem::take(&mut first.above));
        printer.comments(&head.unwrap_or_default(), 0);
        printer.map(&root, 0, Shape::Map(keys), false);
    }
    printer.out
}

/// A text in double quotes, as YAML reads it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        // Writing to a string cannot fail.
        let _ = match c {
            '"' | '\\' => write!(quoted, "\\{c}"),
            '\n' => write!(quoted, "\\n"),
            '\t' => write!(quoted, "\\t"),
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                write!(quoted, "\\u{:04x}", u32::from(c))
            }
            c if c.is_control() => write!(quoted, "\\x{:02x}", u32::from(c)),
            c => write!(quoted, "{c}"),
        };
    }
    quoted.push('"');
    quoted
}

struct Printer {
    out: String,
}

impl Printer {
    /// Writes the entries of a mapping, one a line; the first one behind the dash of a list's item.
    fn map(&mut self, map: &Items<'_>, depth: usize, shape: Shape, has_dash: bool) {
        let width = width_of_keys(map, shape);
        for (index, item) in ordered(map, shape).into_iter().enumerate() {
            let is_dash = index == 0 && has_dash;
            self.above(item, index == 0, depth - usize::from(is_dash), shape);
            let start = self.out.len();
            self.entry(item, width, depth, shape);
            if is_dash {
                let dash = start + 2 * (depth - 1);
                self.out.replace_range(dash..=dash, "-");
            }
        }
        self.comments(&map.tail, depth);
    }

    fn entry(&mut self, item: &Item<'_>, width: usize, depth: usize, parent: Shape) {
        let shape = child(parent, item);
        let key = format!("{}:", key(item));
        match block(item, shape) {
            Some(items) => {
                self.line(&key, item.behind, depth);
                match item.value {
                    Value::List(_) => self.list(items, depth + 1, shape),
                    _ => self.map(items, depth + 1, shape, false),
                }
            }
            None => match inline(bits_alone(item, parent).unwrap_or(&item.value), shape).as_str() {
                "" => self.line(&key, item.behind, depth),
                value => self.line(&format!("{key:width$} {value}"), item.behind, depth),
            },
        }
    }

    fn list(&mut self, list: &Items<'_>, depth: usize, shape: Shape) {
        for (index, item) in list.items.iter().enumerate() {
            self.above(item, index == 0, depth, shape);
            let shape = child(shape, item);
            match block(item, shape) {
                Some(row) => self.map(row, depth + 1, shape, true),
                None => {
                    let value = inline(&item.value, shape);
                    self.line(format!("- {value}").trim_end(), item.behind, depth);
                }
            }
        }
        self.comments(&list.tail, depth);
    }

    /// Writes the comments above an item, and those within it where it takes one line.
    fn above(&mut self, item: &Item<'_>, is_first: bool, depth: usize, parent: Shape) {
        let mut lines = item.above.as_slice();
        while let ["", rest @ ..] = lines
            && is_first
        {
            lines = rest;
        }
        self.comments(lines, depth);
        if block(item, child(parent, item)).is_none() {
            self.comments(&comments_within(&item.value), depth);
        }
    }

    /// Writes comments on lines of their own, and the empty lines among them.
    fn comments(&mut self, lines: &[&str], depth: usize) {
        for line in lines {
            match *line {
                "" if self.out.is_empty() || self.out.ends_with("\n\n") => {}
                "" => self.out.push('\n'),
                comment => self.line(comment, None, depth),
            }
        }
    }

    fn line(&mut self, text: &str, behind: Option<&str>, depth: usize) {
        let (space, behind) = behind.map_or(("", ""), |comment| ("  ", comment));
        let _ = writeln!(self.out, "{:1$}{text}{space}{behind}", "", 2 * depth);
    }
}

/// The items of a value that takes several lines.
///
/// What holds named things does: rows, layouts, groups, carriers, errors, fields. A row or a layout has a line for each
/// key where it has fields, and there each of several texts has a line.
fn block<'i, 't>(item: &'i Item<'t>, shape: Shape) -> Option<&'i Items<'t>> {
    let (items, is_block) = match (&item.value, shape) {
        (Value::List(items), Shape::ListOf(_) | Shape::Texts)
        | (Value::Map(items), Shape::MapOf(_) | Shape::TextMap | Shape::Fields) => (items, true),
        (Value::Map(items), Shape::Map(_)) => {
            (items, items.items.iter().any(|item| item.has_key("fields")))
        }
        _ => return None,
    };
    (is_block && !items.items.is_empty()).then_some(items)
}

/// The bits of a field that has nothing else.
fn bits_alone<'i, 't>(item: &'i Item<'t>, parent: Shape) -> Option<&'i Value<'t>> {
    match (parent, &item.value) {
        (Shape::Fields, Value::Map(map)) if map.items.len() == 1 => {
            map.items.first().filter(|only| only.has_key("bits")).map(|only| &only.value)
        }
        _ => None,
    }
}

/// Entries in the order of the grammar; those that it does not know, and names, in their own.
fn ordered<'i, 't>(map: &'i Items<'t>, shape: Shape) -> Vec<&'i Item<'t>> {
    let mut items: Vec<_> = map.items.iter().collect();
    if let Shape::Map(keys) = shape {
        let position = |item: &&Item<'_>| {
            keys.iter().position(|key| item.has_key(key.name)).unwrap_or(keys.len())
        };
        items.sort_by_key(position);
    }
    items
}

/// Columns of the longest key, with its colon, where values are aligned: groups and carriers, which are few.
fn width_of_keys(map: &Items<'_>, shape: Shape) -> usize {
    let widths = map.items.iter().map(|item| match (shape, block(item, child(shape, item))) {
        (Shape::MapOf(_), None) => key(item).chars().count() + 1,
        _ => 0,
    });
    widths.max().unwrap_or(0)
}

fn key(item: &Item<'_>) -> String {
    item.key.as_ref().map_or(String::new(), |key| scalar(key, Shape::Name))
}

/// What an entry or item of something of this shape looks like.
fn child(shape: Shape, item: &Item<'_>) -> Shape {
    match shape {
        Shape::Map(keys) => {
            let known = keys.iter().find(|key| item.has_key(key.name));
            known.map_or(Shape::Name, |key| key.shape)
        }
        Shape::MapOf(keys) | Shape::ListOf(keys) => Shape::Map(keys),
        Shape::Fields
            if matches!(item.value, Value::Map(_)) && bits_alone(item, shape).is_none() =>
        {
            Shape::Map(FIELD)
        }
        Shape::Fields | Shape::Parts | Shape::Bits => Shape::Bits,
        Shape::TextMap | Shape::Texts | Shape::Conditions => Shape::Text,
        _ => Shape::Name,
    }
}

/// Writes a value in one line.
fn inline(value: &Value<'_>, shape: Shape) -> String {
    match value {
        Value::Scalar(value) => scalar(value, shape),
        Value::List(list) => {
            let item = |item: &Item<'_>| match inline(&item.value, child(shape, item)) {
                nothing if nothing.is_empty() => "null".to_owned(),
                value => value,
            };
            format!("[{}]", list.items.iter().map(item).collect::<Vec<_>>().join(", "))
        }
        Value::Map(map) => {
            let entry = |item: &Item<'_>| match inline(&item.value, child(shape, item)) {
                nothing if nothing.is_empty() => key(item),
                value => format!("{}: {value}", key(item)),
            };
            format!(
                "{{{}}}",
                ordered(map, shape).into_iter().map(entry).collect::<Vec<_>>().join(", ")
            )
        }
    }
}

/// Writes a scalar: numbers and the like as they are, names plain, other text in double quotes.
fn scalar(scalar: &Scalar<'_>, shape: Shape) -> String {
    let is_sentence = matches!(
        shape,
        Shape::Text
            | Shape::Texts
            | Shape::Conditions
            | Shape::Version
            | Shape::Support
            | Shape::Parts
            | Shape::Bits
    );
    match &scalar.text {
        _ if scalar.plain && !is_text(scalar.raw) => scalar.raw.to_owned(),
        text if !is_sentence && names::is_name(text) && is_text(text) => text.to_string(),
        text => quoted(text),
    }
}

/// Whether a scalar without quotes is text, and no number or the like.
fn is_text(plain: &str) -> bool {
    let node = yaml::parse(&format!("_: {plain}"));
    let value = node.as_ref().map(|node| node.get("_"));
    !matches!(value, Ok(Node::Null | Node::Bool(_) | Node::Int(_) | Node::Float(_)))
}

/// All comments within a value.
fn comments_within<'t>(value: &Value<'t>) -> Vec<&'t str> {
    let (Value::List(items) | Value::Map(items)) = value else { return Vec::new() };
    let of = |item: &Item<'t>| {
        let within = comments_within(&item.value);
        item.above.iter().copied().chain(within).chain(item.behind).collect::<Vec<_>>()
    };
    let comments = items.items.iter().flat_map(of).chain(items.tail.iter().copied());
    comments.filter(|comment| !comment.is_empty()).collect()
}
