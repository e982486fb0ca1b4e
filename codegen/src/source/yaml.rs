//! The only module that knows the YAML library: text to tree, and path to position.
//!
//! A position is found by walking the path in a second run of the deserializer and failing on purpose at its end: the
//! library gives the exact place of an error, and of nothing else. It costs nothing when there is nothing to report.

use std::fmt;

use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::node::Node;
use crate::diagnostics::Step;

/// A text that is not YAML.
pub(crate) struct SyntaxError {
    pub(crate) message: String,
    /// Byte offset.
    pub(crate) offset: usize,
}

/// Parses one document.
pub(crate) fn parse(text: &str) -> Result<Node, SyntaxError> {
    Node::deserialize(serde_yaml::Deserializer::from_str(text)).map_err(|error| {
        let offset = error.location().map_or(0, |location| location.index());
        SyntaxError {
            message: without_location(&error.to_string()),
            offset: offset.min(text.len()),
        }
    })
}

/// Cuts the ` at line 1 column 2` that the library puts behind, or between, its sentences.
fn without_location(message: &str) -> String {
    let mut message = message.to_owned();
    while let Some(start) = message.find(" at line ") {
        let rest = &message[start + " at line ".len()..];
        let end = rest.find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |end| end);
        let tail = rest[end..].strip_prefix(" column ").unwrap_or(&rest[end..]);
        let tail = tail.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned();
        message.replace_range(start.., &tail);
    }
    message
}

/// Finds the byte offset of the node at `path`, or of the key that leads to it; of its nearest parent when there is no
/// such node.
pub(crate) fn locate(text: &str, path: &[Step], key: bool) -> usize {
    (0..=path.len())
        .rev()
        .find_map(|length| {
            let probe =
                Probe { path: &path[..length], key: key && length == path.len() && length > 0 };
            let error = probe.deserialize(serde_yaml::Deserializer::from_str(text)).err()?;
            let location = error.location()?;
            error.to_string().contains(FOUND).then(|| location.index())
        })
        .unwrap_or(0)
}

const FOUND: &str = "\u{1}found";

#[derive(Clone, Copy)]
struct Probe<'a> {
    path: &'a [Step],
    key: bool,
}

impl<'de> DeserializeSeed<'de> for Probe<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.path.is_empty() {
            deserializer.deserialize_any(Fail)
        } else {
            deserializer.deserialize_any(self)
        }
    }
}

impl<'de> Visitor<'de> for Probe<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the way to a node")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Some((Step::Item(index), rest)) = self.path.split_first() else { return Ok(()) };
        for _ in 0..*index {
            if items.next_element::<IgnoredAny>()?.is_none() {
                return Ok(());
            }
        }
        items.next_element_seed(Probe { path: rest, ..self })?;
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Some((step, rest)) = self.path.split_first() else { return Ok(()) };
        let fail_at_key = self.key && rest.is_empty();
        let mut position = 0;
        while let Some(hit) =
            entries.next_key_seed(KeyProbe { step, position, fail: fail_at_key })?
        {
            if hit {
                return entries.next_value_seed(Probe { path: rest, ..self });
            }
            entries.next_value::<IgnoredAny>()?;
            position += 1;
        }
        Ok(())
    }
}

/// Compares a key with a step.
struct KeyProbe<'a> {
    step: &'a Step,
    position: usize,
    fail: bool,
}

impl<'de> DeserializeSeed<'de> for KeyProbe<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl KeyProbe<'_> {
    fn answer<E: serde::de::Error>(&self, hit: bool) -> Result<bool, E> {
        if hit && self.fail { Err(E::custom(FOUND)) } else { Ok(hit) }
    }

    fn at_position(&self) -> bool {
        matches!(self.step, Step::Entry(wanted) if *wanted == self.position)
    }
}

macro_rules! other_keys {
    ($($method:ident($type:ty))+) => {$(
        fn $method<E: serde::de::Error>(self, _: $type) -> Result<bool, E> {
            self.answer(self.at_position())
        }
    )+};
}

impl<'de> Visitor<'de> for KeyProbe<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<bool, E> {
        let hit = match self.step {
            Step::Key(wanted) => wanted == key,
            _ => self.at_position(),
        };
        self.answer(hit)
    }

    other_keys! { visit_bool(bool) visit_i64(i64) visit_u64(u64) visit_i128(i128) visit_u128(u128) visit_f64(f64) }

    fn visit_unit<E: serde::de::Error>(self) -> Result<bool, E> {
        self.answer(self.at_position())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<bool, A::Error> {
        if self.fail && self.at_position() {
            return Err(A::Error::custom(FOUND));
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self.at_position())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<bool, A::Error> {
        if self.fail && self.at_position() {
            return Err(A::Error::custom(FOUND));
        }
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(self.at_position())
    }
}

/// Fails at whatever node it meets.
struct Fail;

macro_rules! fail {
    ($($method:ident($type:ty))+) => {$(
        fn $method<E: serde::de::Error>(self, _: $type) -> Result<(), E> {
            Err(E::custom(FOUND))
        }
    )+};
}

impl<'de> Visitor<'de> for Fail {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the node itself")
    }

    fail! { visit_bool(bool) visit_i64(i64) visit_u64(u64) visit_i128(i128) visit_u128(u128) visit_f64(f64) visit_str(&str) }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        Err(E::custom(FOUND))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(A::Error::custom(FOUND))
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(A::Error::custom(FOUND))
    }
}
