//! `onereg-vmm probe`: the host profile.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use onereg::{Access, Arch, Digits, Host, Info, OnFailure, Plan, Registers};
use serde::Serialize;

use crate::cli::{Format, ProbeOptions};
use crate::failure::Failure;
use crate::machine;

/// What a vCPU of this host has.
#[derive(Debug, Serialize)]
pub(crate) struct Profile {
    arch: &'static str,
    kernel: String,
    capabilities: BTreeMap<&'static str, u32>,
    registers: Vec<Register>,
    unknown: Vec<String>,
}

/// A register and its value.
#[derive(Debug, Serialize)]
struct Register {
    name: &'static str,
    id: Option<String>,
    width: usize,
    value: Option<String>,
    class: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip)]
    fields: String,
}

/// Prints the profile of this host.
pub(crate) fn run(kvm: &Path, options: &ProbeOptions) -> Result<(), Failure> {
    let profile = machine::probe(kvm, &options.features)?;
    let mut out = io::stdout().lock();
    match options.format {
        Format::Text => print(&profile, &mut out)?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, &profile).map_err(io::Error::from)?;
            writeln!(out)?;
        }
    }
    Ok(())
}

fn print(profile: &Profile, out: &mut impl Write) -> io::Result<()> {
    let Profile { arch, kernel, capabilities, registers, unknown } = profile;
    writeln!(out, "{arch}, Linux {kernel}: {} registers", registers.len())?;
    for (name, value) in capabilities {
        writeln!(out, "  {name} {value}")?;
    }
    for register in registers {
        let id = register.id.as_deref().unwrap_or("");
        let value = register.value.as_deref().or(register.error.as_deref()).unwrap_or("");
        writeln!(out, "  {:<24} {id:<18} {value}{}", register.name, register.fields)?;
    }
    for id in unknown {
        writeln!(out, "  unknown to the tables: {id}")?;
    }
    Ok(())
}

/// Reads every register of the table that `vcpu` has, and those of `listed` that it should have.
pub(crate) fn profile<A: Arch>(
    vcpu: &impl Registers<A>,
    capabilities: BTreeMap<&'static str, u32>,
    listed: &[u64],
) -> Result<Profile, Failure> {
    let readable = |info: &&Info| info.row.access != Access::WriteOnly;
    let infos: Vec<&'static Info> = A::TABLE.registers.iter().filter(readable).collect();
    let host = vcpu.host();
    let plan = Plan::new(host, infos.iter().map(|info| info.place));
    let mut buffer = vec![0; plan.size()];
    let mut errors = BTreeMap::new();
    if let Err(error) = vcpu.read_plan(&plan, &mut buffer, OnFailure::Continue) {
        errors.extend(error.failures().iter().map(|failure| (failure.position, failure.error)));
    }
    let mut registers = Vec::new();
    for (position, (info, slot)) in infos.iter().zip(plan.slots()).enumerate() {
        let id = info.place.id(host);
        match errors.get(&position) {
            None => registers.push(register(info, host, Ok(slot.bytes(&buffer)))),
            Some(error) if id.is_some_and(|id| listed.contains(&id)) => {
                registers.push(register(info, host, Err(error)));
            }
            // In the table, but neither listed nor readable: this vCPU does not have it.
            Some(_) => {}
        }
    }
    let unknown = listed.iter().filter(|id| A::TABLE.by_id(**id).is_none());
    Ok(Profile {
        arch: A::TABLE.name,
        kernel: kernel_release()?,
        capabilities,
        registers,
        unknown: unknown.map(|id| format!("{id:#018x}")).collect(),
    })
}

fn register(info: &Info, host: Host, value: Result<&[u8], &onereg::Error>) -> Register {
    let bytes = value.unwrap_or_default();
    let fields = info.fields(bytes).filter(|field| field.value != 0);
    Register {
        name: info.name,
        id: info.place.id(host).map(|id| format!("{id:#018x}")),
        width: info.place.size(host) * 8,
        value: value.ok().map(|bytes| Digits(bytes).to_string()),
        class: info.row.class.name(),
        error: value.err().map(ToString::to_string),
        fields: fields.map(|field| format!("  {}: {field}", field.field.name)).collect(),
    }
}

/// Returns the release of this kernel.
pub(crate) fn kernel_release() -> Result<String, Failure> {
    const PATH: &str = "/proc/sys/kernel/osrelease";
    let release = fs::read_to_string(PATH).map_err(|error| {
        Failure::new(format!("cannot read the kernel's release from {PATH}: {error}: mount /proc"))
    })?;
    Ok(release.trim_end().to_owned())
}
