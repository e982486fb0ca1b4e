//! Ids in a file: one a line, in hex or as the kernel writes them, or those that a host profile calls unknown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use onereg_codegen::header;
use onereg_codegen::model::Arch;
use serde_json::value::RawValue;

use super::failure::Failure;
use super::text::place;

/// Reads the ids in `text`, the content of `file`.
pub(crate) fn read(file: &str, text: &str, archs: &[Arch]) -> Result<BTreeSet<u64>, Failure> {
    let is_profile = text.trim_start().starts_with('{');
    let mut message = String::new();
    let words = if is_profile { profile(text) } else { Ok(listed(text)) };
    let words = words.unwrap_or_else(|error| {
        let (line, column) = (error.line().max(1), error.column().max(1));
        let _ = writeln!(message, "{file}:{line}:{column}: error: no host profile: {error}");
        Vec::new()
    });
    let mut ids = BTreeSet::new();
    for word in words {
        let why = match id(word).map_or_else(|| expression(word, archs), Ok) {
            Ok(id) => {
                ids.insert(id);
                continue;
            }
            Err(why) => why,
        };
        let offset = word.as_ptr().addr().saturating_sub(text.as_ptr().addr());
        let (line, column) = place(text, offset);
        let _ = writeln!(message, "{file}:{line}:{column}: error: {word} is no id: {why}");
    }
    if message.is_empty() { Ok(ids) } else { Err(Failure { output: String::new(), message }) }
}

/// Finds the ids in a host profile, as `onereg-vmm probe --format json` writes it: strings, with their quotes.
fn profile(text: &str) -> serde_json::Result<Vec<&str>> {
    let entries: BTreeMap<String, &RawValue> = serde_json::from_str(text)?;
    let Some(unknown) = entries.get("unknown") else {
        return Err(serde::de::Error::missing_field("unknown"));
    };
    let ids: Vec<&RawValue> = serde_json::from_str(unknown.get())?;
    Ok(ids.into_iter().map(RawValue::get).collect())
}

/// Finds the ids in a list: what its lines have before a comment.
fn listed(text: &str) -> Vec<&str> {
    let words = text.lines().map(|line| line.split('#').next().unwrap_or("").trim());
    words.filter(|word| !word.is_empty()).collect()
}

/// Computes `KVM_REG_PPC | KVM_REG_SIZE_U64 | 0x1`, in a list with a comma behind it.
fn expression(word: &str, archs: &[Arch]) -> Result<u64, String> {
    let text = word.strip_suffix(',').unwrap_or(word);
    if !text.contains(['(', '|']) {
        return Err("an id has at most 16 hex digits".to_owned());
    }
    header::id(archs, text)
}

/// Reads `0x1f` or `1f`, in quotes or not.
fn id(word: &str) -> Option<u64> {
    let bare = word.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(word);
    let digits = bare.strip_prefix("0x").or(bare.strip_prefix("0X")).unwrap_or(bare);
    let is_hex = digits.chars().all(|c| c.is_ascii_hexdigit());
    if is_hex { u64::from_str_radix(digits, 16).ok() } else { None }
}
