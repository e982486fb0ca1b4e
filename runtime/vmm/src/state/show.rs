//! `onereg-vmm state show`: every register of a file, with its fields.

use std::io::{self, Write};

use onereg::{Digits, Saved, VcpuState};
use serde::Serialize;

use super::Field;
use crate::cli::{Format, ShowOptions};
use crate::failure::Failure;

/// A vCPU as JSON.
#[derive(Debug, Serialize)]
struct Vcpu<'a> {
    arch: &'static str,
    kernel: &'a str,
    table: &'a str,
    library: &'a str,
    xlen: usize,
    vlenb: usize,
    byte_order: &'static str,
    registers: Vec<Register<'a>>,
}

/// A register as JSON.
#[derive(Debug, Serialize)]
struct Register<'a> {
    name: &'a str,
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    via: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u16>,
    width: usize,
    class: &'static str,
    value: String,
    fields: Vec<Field>,
}

/// Shows all registers, or those that are named.
pub(super) fn run(options: &ShowOptions) -> Result<(), Failure> {
    let file = super::read(&options.file)?;
    let missing = options
        .registers
        .iter()
        .find(|name| !file.vcpus.iter().any(|state| state.register(name).is_some()));
    if let Some(name) = missing {
        let path = options.file.display();
        return Err(Failure::new(format!("no vCPU of {path} has a register called `{name}`")));
    }
    let mut out = io::stdout().lock();
    match options.format {
        Format::Text => {
            for (index, state) in file.vcpus.iter().enumerate() {
                print(index, state, &options.registers, &mut out)?;
            }
        }
        Format::Json => {
            let vcpus: Vec<Vcpu<'_>> =
                file.vcpus.iter().map(|state| vcpu(state, &options.registers)).collect();
            serde_json::to_writer_pretty(&mut out, &vcpus).map_err(io::Error::from)?;
            writeln!(out)?;
        }
    }
    Ok(())
}

/// Returns the registers that are asked for: all where none is named.
fn asked<'a>(
    state: &'a VcpuState,
    names: &'a [String],
) -> impl Iterator<Item = Saved<'a>> + use<'a> {
    let asked =
        |saved: &Saved<'_>| names.is_empty() || names.iter().any(|name| name == saved.name());
    state.registers().filter(asked)
}

fn print(
    index: usize,
    state: &VcpuState,
    names: &[String],
    out: &mut impl Write,
) -> io::Result<()> {
    let origin = state.origin();
    let kernel = if origin.kernel.is_empty() { "unknown" } else { &origin.kernel };
    writeln!(
        out,
        "vCPU {index}: {}, kernel {kernel}, table of Linux {}, {} registers",
        state.table().name,
        origin.table,
        state.registers().len()
    )?;
    asked(state, names).try_for_each(|saved| super::print(saved, out))
}

fn vcpu<'a>(state: &'a VcpuState, names: &'a [String]) -> Vcpu<'a> {
    let origin = state.origin();
    Vcpu {
        arch: state.table().name,
        kernel: &origin.kernel,
        table: &origin.table,
        library: &origin.library,
        xlen: origin.host.xlen_bytes() * 8,
        vlenb: origin.host.vlenb(),
        byte_order: if origin.big_endian { "big" } else { "little" },
        registers: asked(state, names).map(register).collect(),
    }
}

fn register(saved: Saved<'_>) -> Register<'_> {
    let via = saved.via();
    Register {
        name: saved.name(),
        id: saved.id().map(|id| format!("{id:#018x}")),
        via: via.map(|(carrier, _)| carrier),
        offset: via.map(|(_, offset)| offset),
        width: saved.value().len() * 8,
        class: saved.class().name(),
        value: Digits(saved.value()).to_string(),
        fields: super::fields(saved).map(Field::from).collect(),
    }
}
