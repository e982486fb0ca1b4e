//! Path to position.
//!
//! A position is found by walking the path in a second run of the deserializer and failing on purpose at its end: the
//! library gives the exact place of an error, and of nothing else. It costs nothing when there is nothing to report.
//! Where the way leads into a row or a layout, the run is over its lines alone, so that a thousand findings in a long
//! file do not read the file a thousand times.

use std::collections::HashMap;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, IgnoredAny, MapAccess, SeqAccess,
    Visitor,
};

use crate::diagnostics::Step;
use crate::source::node::Node;

/// Finds positions in one text.
pub(crate) struct Finder<'t> {
    text: &'t str,
    tree: Option<Node>,
    /// Per key of the root: where the lines of its children begin, and where the last one ends.
    children: HashMap<String, Option<Vec<usize>>>,
}

impl<'t> Finder<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Finder { text, tree: super::parse(text).ok(), children: HashMap::new() }
    }

    /// Finds the byte offset of the node at `path`, or of the key that leads to it; of its nearest parent when there is
    /// no such node.
    pub(crate) fn locate(&mut self, path: &[Step], key: bool) -> usize {
        self.in_child(path, key).or_else(|| probe(self.text, path, key, 0)).unwrap_or(0)
    }

    /// Looks only at the child of a key of the root that `path` leads through.
    fn in_child(&mut self, path: &[Step], key: bool) -> Option<usize> {
        let [Step::Key(root), child, rest @ ..] = path else { return None };
        let (index, first) = match child {
            Step::Item(index) => (*index, Step::Item(0)),
            Step::Entry(index) => (*index, Step::Entry(0)),
            Step::Key(_) => return None,
        };
        if !self.children.contains_key(root) {
            let lines = self.child_lines(root, &first);
            self.children.insert(root.clone(), lines);
        }
        let lines = self.children.get(root)?.as_ref()?;
        let (start, end) = (*lines.get(index)?, *lines.get(index + 1)?);
        let path = [&[first], rest].concat();
        probe(&self.text[start..end], &path, key, 1).map(|offset| start + offset)
    }

    /// Where the lines of the children of `root` begin, and where the last one ends; `None` unless every child begins
    /// on a line of its own.
    fn child_lines(&self, root: &str, first: &Step) -> Option<Vec<usize>> {
        let is_item = matches!(first, Step::Item(_));
        let count = match self.tree.as_ref()?.get(root) {
            Node::List(items) if is_item => items.len(),
            Node::Map(entries) if !is_item => entries.len(),
            _ => return None,
        };
        let path = [Step::Key(root.to_owned()), first.clone()];
        let offset = probe(self.text, &path, !is_item, 2)?;
        let mut start = self.text[..offset].rfind('\n')? + 1;
        let before = self.text[start..offset].trim_start_matches(' ');
        if before.trim_end_matches(' ') != if is_item { "-" } else { "" } {
            return None;
        }
        let indent = offset - start - before.len();
        let mut lines = Vec::with_capacity(count + 1);
        for line in self.text[start..].split_inclusive('\n') {
            let content = line.trim_start_matches(' ');
            let is_text = !content.trim_end().is_empty() && !content.starts_with('#');
            if is_text
                && line.len() - content.len() == indent
                && content.starts_with('-') == is_item
            {
                lines.push(start);
            } else if is_text && line.len() - content.len() <= indent {
                break;
            }
            start += line.len();
        }
        lines.push(start);
        (lines.len() == count + 1).then_some(lines)
    }
}

/// Finds the byte offset of the node at `path`, or of its nearest parent at least `depth` steps down.
fn probe(text: &str, path: &[Step], key: bool, depth: usize) -> Option<usize> {
    (depth..=path.len()).rev().find_map(|length| {
        let probe = Probe { path: &path[..length], key: key && length == path.len() && length > 0 };
        let error = probe.deserialize(serde_yaml::Deserializer::from_str(text)).err()?;
        let location = error.location()?;
        error.to_string().contains(FOUND).then(|| location.index())
    })
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

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(A::Error::custom(FOUND))
    }
}
