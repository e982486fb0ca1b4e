//! Texts of tables in their one form: keys in the order of the grammar, one way to write each value, comments kept.

mod print;
mod tree;

use crate::source::grammar::{ARCH, FILE};
use crate::source::node::Node;
use crate::source::yaml;

/// Characters that end a line in YAML 1.1 alone.
const LINE_BREAKS: [char; 3] = ['\u{85}', '\u{2028}', '\u{2029}'];

/// Why a text is left as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unformatted {
    /// What is in the way: a lower-case sentence without a full stop.
    pub message: String,
    /// Byte offset of it.
    pub offset: usize,
}

/// Writes the text of a table file at `path` in its one form.
///
/// A text that is no mapping is no table, and stays.
///
/// # Errors
///
/// Fails where the text is not YAML, or is YAML in a way that tables do not need.
pub fn format(path: &str, text: &str) -> Result<String, Unformatted> {
    let before = yaml::parse(text).map_err(|error| Unformatted {
        message: format!("not YAML: {}", error.message),
        offset: error.offset,
    })?;
    if !matches!(before, Node::Map(_)) {
        return Ok(text.to_owned());
    }
    let keys = if path.rsplit('/').next() == Some("arch.yaml") { ARCH } else { FILE };
    let formatted = print::file(tree::read(text)?, keys);
    // Two libraries have read the text: where they do not agree it is nobody's to rewrite.
    match yaml::parse(&formatted).map(meaning) {
        Ok(after) if after == meaning(before) => Ok(formatted),
        _ => Err(Unformatted {
            message: "YAML 1.1 and 1.2 read this differently: write it in plain characters"
                .to_owned(),
            offset: text.find(LINE_BREAKS).unwrap_or(0),
        }),
    }
}

/// The tree without what formatting changes: the order of keys, and the long form of a field that has only bits.
fn meaning(node: Node) -> Node {
    match node {
        Node::List(items) => Node::List(items.into_iter().map(meaning).collect()),
        Node::Map(mut entries) => {
            entries.sort_by_cached_key(|(key, _)| format!("{key:?}"));
            let entry = |(key, value)| match (key, value) {
                (Node::Text(key), Node::Map(fields)) if key == "fields" => {
                    let fields = fields.into_iter().map(|(name, field)| (name, bits_alone(field)));
                    (Node::Text(key), meaning(Node::Map(fields.collect())))
                }
                (key, value) => (key, meaning(value)),
            };
            Node::Map(entries.into_iter().map(entry).collect())
        }
        other => other,
    }
}

/// The bits of a field that has nothing else.
fn bits_alone(field: Node) -> Node {
    match field {
        Node::Map(mut keys) if keys.len() == 1 && keys[0].0 == Node::Text("bits".to_owned()) => {
            keys.swap_remove(0).1
        }
        other => other,
    }
}
