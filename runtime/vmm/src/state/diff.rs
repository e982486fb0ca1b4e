//! `onereg-vmm state diff`: what differs between two files, by register and field.

use std::io::{self, Write};

use onereg::{Difference, Digits, StateFile};
use serde::Serialize;

use super::Field;
use crate::cli::{DiffOptions, Format};
use crate::failure::Failure;

/// A register that differs, as JSON.
#[derive(Debug, Serialize)]
struct Differing {
    vcpu: usize,
    name: String,
    id: Option<String>,
    class: &'static str,
    may_differ: bool,
    a: Option<String>,
    b: Option<String>,
    fields: Vec<DifferingField>,
}

/// A field that differs, as JSON.
#[derive(Debug, Serialize)]
struct DifferingField {
    name: &'static str,
    a: Field,
    b: Field,
}

/// Prints what differs; the exit status is 1 where anything does, as that of diff.
pub(super) fn run(options: &DiffOptions) -> Result<(), Failure> {
    let (a, b) = (super::read(&options.a)?, super::read(&options.b)?);
    check_alike(&a, &b)?;
    let vcpus = a.vcpus.iter().zip(&b.vcpus).enumerate();
    let differences: Vec<(usize, Difference)> = vcpus
        .flat_map(|(index, (a, b))| a.differences(b).into_iter().map(move |found| (index, found)))
        .collect();
    let mut out = io::stdout().lock();
    match options.format {
        Format::Text => print(&differences, &mut out)?,
        Format::Json => {
            let differing: Vec<Differing> =
                differences.iter().map(|(vcpu, found)| differing(*vcpu, found)).collect();
            serde_json::to_writer_pretty(&mut out, &differing).map_err(io::Error::from)?;
            writeln!(out)?;
        }
    }
    if differences.is_empty() { Ok(()) } else { Err(Failure::quiet(1)) }
}

/// Refuses to compare what has no registers in common.
fn check_alike(a: &StateFile, b: &StateFile) -> Result<(), Failure> {
    if a.vcpus.len() != b.vcpus.len() {
        let (a, b) = (a.vcpus.len(), b.vcpus.len());
        return Err(Failure::new(format!(
            "the files have {a} and {b} vCPUs: compare equal numbers"
        )));
    }
    let mut pairs = a.vcpus.iter().zip(&b.vcpus).map(|(a, b)| (a.table().name, b.table().name));
    match pairs.find(|(a, b)| a != b) {
        Some((a, b)) => Err(Failure::new(format!(
            "the files are of {a} and {b}, which have no register in common"
        ))),
        None => Ok(()),
    }
}

fn print(differences: &[(usize, Difference)], out: &mut impl Write) -> io::Result<()> {
    for (vcpu, difference) in differences {
        let note = if difference.may_differ() { " (changes by itself)" } else { "" };
        writeln!(out, "vCPU {vcpu}: {difference}{note}")?;
    }
    if differences.is_empty() {
        writeln!(out, "no differences")?;
    }
    Ok(())
}

fn differing(vcpu: usize, difference: &Difference) -> Differing {
    let field = |found: onereg::FieldDifference| DifferingField {
        name: found.saved.field.name,
        a: found.saved.into(),
        b: found.found.into(),
    };
    Differing {
        vcpu,
        name: difference.name().to_owned(),
        id: difference.id().map(|id| format!("{id:#018x}")),
        class: difference.class().name(),
        may_differ: difference.may_differ(),
        a: difference.saved().map(|value| Digits(value).to_string()),
        b: difference.found().map(|value| Digits(value).to_string()),
        fields: difference.fields().map(field).collect(),
    }
}
