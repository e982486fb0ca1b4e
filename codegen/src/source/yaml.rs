//! The only module that knows the YAML library: text to tree, and path to position.

mod locate;

use serde::Deserialize;

pub(crate) use self::locate::Finder;
use super::node::Node;

/// A text that is not YAML.
pub(crate) struct SyntaxError {
    pub(crate) message: String,
    /// Byte offset.
    pub(crate) offset: usize,
    /// What was being read, and the byte offset where it begins.
    pub(crate) context: Option<(String, usize)>,
}

/// Parses one document.
pub(crate) fn parse(text: &str) -> Result<Node, SyntaxError> {
    Node::deserialize(serde_yaml::Deserializer::from_str(text)).map_err(|error| {
        let message = error.to_string();
        // `PROBLEM at line 3 column 1, CONTEXT at line 2 column 5`, where both positions may be missing.
        let (problem, context) = message.split_once(", while ").unwrap_or((&message, ""));
        SyntaxError {
            message: split_location(problem).0.to_owned(),
            offset: error.location().map_or(0, |location| location.index()).min(text.len()),
            context: match split_location(context) {
                (context, Some((line, column))) => {
                    Some((format!("while {context}"), offset(text, line, column)))
                }
                (_, None) => None,
            },
        }
    })
}

/// Splits ` at line 1 column 2` off.
fn split_location(message: &str) -> (&str, Option<(usize, usize)>) {
    let Some((message, location)) = message.rsplit_once(" at line ") else {
        return (message, None);
    };
    let numbers = location.split_once(" column ");
    (message, numbers.and_then(|(line, column)| Some((line.parse().ok()?, column.parse().ok()?))))
}

/// Byte offset of a line and column, both from 1.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = &text[before..];
    before + rest.chars().take(column.saturating_sub(1)).map(char::len_utf8).sum::<usize>()
}
