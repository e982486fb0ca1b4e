//! `onereg-vmm check`: whether states can be restored on a host, from the host's profile; no KVM needed.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use onereg::{Concern, Digits, HostProfile, Verdict};
use serde::{Deserialize, Serialize};

use crate::cli::{CheckOptions, Format};
use crate::failure::Failure;
use crate::state;

/// A profile, as `probe --format json` prints it.
#[derive(Debug, Deserialize)]
struct Profile {
    arch: String,
    kernel: String,
    registers: Vec<Register>,
    unknown: Vec<String>,
}

/// A register of a profile.
#[derive(Debug, Deserialize)]
struct Register {
    name: String,
    id: Option<String>,
    value: Option<String>,
}

/// The result as JSON.
#[derive(Debug, Serialize)]
struct Report {
    verdict: &'static str,
    registers: Vec<Line>,
}

/// A register of the result.
#[derive(Debug, Serialize)]
struct Line {
    vcpu: usize,
    name: String,
    id: Option<String>,
    verdict: &'static str,
    reason: String,
    saved: Option<String>,
    here: Option<String>,
    fields: Vec<Field>,
}

/// A field with the two values.
#[derive(Debug, Serialize)]
struct Field {
    name: &'static str,
    saved: String,
    here: String,
}

/// Prints the verdict and every register behind it; the exit status is 1 unless the file can be restored as it is.
pub(crate) fn run(options: &CheckOptions) -> Result<(), Failure> {
    let file = state::read(&options.state)?;
    let profile = read(&options.host)?;
    let host = host(&profile).map_err(|why| {
        Failure::new(format!("{}: not a host profile: {why}", options.host.display()))
    })?;
    if let Some(vcpu) = file.vcpus.iter().find(|vcpu| vcpu.table().name != profile.arch) {
        let (state, host) = (vcpu.table().name, &profile.arch);
        return Err(Failure::new(format!(
            "a state of {state} cannot be restored on a host of {host}"
        )));
    }
    let vcpus = file.vcpus.iter().enumerate();
    let concerns: Vec<(usize, Concern)> = vcpus
        .flat_map(|(index, vcpu)| vcpu.check(&host).into_iter().map(move |found| (index, found)))
        .collect();
    let verdicts = concerns.iter().map(|(_, concern)| concern.verdict);
    let verdict = verdicts.max().unwrap_or(Verdict::Restorable);
    let mut out = io::stdout().lock();
    match options.format {
        Format::Text => print(verdict, &concerns, &mut out)?,
        Format::Json => {
            let registers = concerns.iter().map(|(vcpu, concern)| line(*vcpu, concern)).collect();
            let report = Report { verdict: verdict.name(), registers };
            serde_json::to_writer_pretty(&mut out, &report).map_err(io::Error::from)?;
            writeln!(out)?;
        }
    }
    if verdict == Verdict::Restorable { Ok(()) } else { Err(Failure::quiet(1)) }
}

fn read(path: &Path) -> Result<Profile, Failure> {
    let text = fs::read(path)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))?;
    serde_json::from_slice(&text).map_err(|error| {
        let path = path.display();
        Failure::new(format!(
            "{path}: not a host profile: {error}: make one by `onereg-vmm probe --format json`"
        ))
    })
}

/// Turns hex texts into ids and values.
fn host(profile: &Profile) -> Result<HostProfile, String> {
    let mut host = HostProfile::new(&profile.kernel);
    for register in &profile.registers {
        let id = register.id.as_deref().map(number).transpose()?;
        let value = register.value.as_deref().map(bytes).transpose()?;
        host.add(&register.name, id, value);
    }
    for id in &profile.unknown {
        host.add("", Some(number(id)?), None);
    }
    Ok(host)
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

fn print(verdict: Verdict, concerns: &[(usize, Concern)], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", verdict.name())?;
    for (vcpu, concern) in concerns {
        let what = match concern.verdict {
            Verdict::Restorable => "differs",
            Verdict::WhenDropped => "drop",
            Verdict::Blocked => "blocked",
        };
        writeln!(out, "  vCPU {vcpu}: {what}: {}: {}", concern.difference, concern.reason)?;
    }
    Ok(())
}

fn line(vcpu: usize, concern: &Concern) -> Line {
    let difference = &concern.difference;
    let hex = |value: Option<&[u8]>| value.map(|value| Digits(value).to_string());
    let field = |found: onereg::FieldDifference| Field {
        name: found.saved.field.name,
        saved: found.saved.to_string(),
        here: found.found.to_string(),
    };
    Line {
        vcpu,
        name: difference.name().to_owned(),
        id: difference.id().map(|id| format!("{id:#018x}")),
        verdict: concern.verdict.name(),
        reason: concern.reason.clone(),
        saved: hex(difference.saved()),
        here: hex(difference.found()),
        fields: difference.fields().map(field).collect(),
    }
}
