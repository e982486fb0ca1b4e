//! A host profile as `onereg-vmm probe --format json` prints it, read back.

use std::collections::BTreeMap;

use onereg::HostProfile;
use serde::Deserialize;

/// A profile of a host.
#[derive(Debug)]
pub(crate) struct Profile {
    /// Kernel's name of the architecture.
    pub(crate) arch: String,
    /// What a state is judged by.
    pub(crate) host: HostProfile,
}

/// The keys that are read; others may be there.
#[derive(Debug, Deserialize)]
struct Keys {
    arch: String,
    kernel: String,
    registers: Vec<Register>,
    unknown: Vec<String>,
    #[serde(default)]
    writable: BTreeMap<String, String>,
}

/// A register of a profile.
#[derive(Debug, Deserialize)]
struct Register {
    name: String,
    id: Option<String>,
    value: Option<String>,
}

impl Profile {
    /// Reads a profile.
    ///
    /// # Errors
    ///
    /// Returns what is wrong: no JSON, a key that is missing, a text that is no number.
    pub(crate) fn parse(text: &[u8]) -> Result<Profile, String> {
        let keys: Keys = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let mut host = HostProfile::new(&keys.kernel);
        for register in &keys.registers {
            let id = register.id.as_deref().map(number).transpose()?;
            let value = register.value.as_deref().map(bytes).transpose()?;
            host.add(&register.name, id, value);
        }
        for id in &keys.unknown {
            host.add("", Some(number(id)?), None);
        }
        for (name, mask) in &keys.writable {
            host.add_writable(name, bytes(mask)?);
        }
        Ok(Profile { arch: keys.arch, host })
    }
}

fn number(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    u64::from_str_radix(digits, 16).map_err(|_| format!("`{text}` is no id"))
}

/// Reads hex digits, most significant first, as bytes in this host's order.
fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let wrong = || format!("`{text}` is no value in hex");
    let digits = text.strip_prefix("0x").ok_or_else(wrong)?.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return Err(wrong());
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).ok_or_else(wrong);
    let pair = |pair: &[u8]| match pair {
        [high, low] => Ok((digit(*high)? << 4 | digit(*low)?) as u8),
        _ => Err(wrong()),
    };
    let mut bytes = digits.chunks(2).map(pair).collect::<Result<Vec<u8>, String>>()?;
    if cfg!(target_endian = "little") {
        bytes.reverse();
    }
    Ok(bytes)
}
