//! `onereg-vmm check`: whether states can be restored on a host, from the host's profile; no KVM needed.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use onereg::{Concern, Digits, Verdict};
use serde::Serialize;

use crate::cli::{CheckOptions, Format};
use crate::failure::Failure;
use crate::profile::Profile;
use crate::state;

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
    if let Some(vcpu) = file.vcpus.iter().find(|vcpu| vcpu.table().name != profile.arch) {
        let (state, host) = (vcpu.table().name, &profile.arch);
        return Err(Failure::new(format!(
            "a state of {state} cannot be restored on a host of {host}"
        )));
    }
    let vcpus = file.vcpus.iter().enumerate();
    let concerns: Vec<(usize, Concern)> = vcpus
        .flat_map(|(index, vcpu)| {
            vcpu.check(&profile.host).into_iter().map(move |found| (index, found))
        })
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
    Profile::parse(&text).map_err(|error| {
        let path = path.display();
        Failure::new(format!(
            "{path}: not a host profile: {error}: make one by `onereg-vmm probe --format json`"
        ))
    })
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
