//! `onereg-vmm probe`: the host profile.

mod about;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use onereg::{Access, Arch, Digits, Host, Info, OnFailure, Plan, Registers, WriteRule};
use serde::Serialize;

pub(crate) use self::about::{About, CpuidEntry};
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
    #[serde(flatten)]
    about: About,
    #[serde(skip_serializing_if = "Option::is_none")]
    isa: Option<Vec<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sbi: Option<Vec<&'static str>>,
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
    #[serde(skip)]
    is_one: bool,
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
    let Profile { arch, kernel, capabilities, registers, unknown, about, isa, sbi } = profile;
    writeln!(out, "{arch}, Linux {kernel}: {} registers", registers.len())?;
    for (name, value) in capabilities {
        writeln!(out, "  {name} {value}")?;
    }
    for (what, extensions) in [("ISA", isa), ("SBI", sbi)] {
        if let Some(extensions) = extensions {
            writeln!(out, "  {what} extensions {}", extensions.join(" "))?;
        }
    }
    for register in registers {
        let id = register.id.as_deref().unwrap_or("");
        let value = register.value.as_deref().or(register.error.as_deref()).unwrap_or("");
        writeln!(out, "  {:<24} {id:<18} {value}{}", register.name, register.fields)?;
    }
    for (name, mask) in about.writable.iter().flatten() {
        writeln!(out, "  writable {name:<15} {mask}")?;
    }
    for (name, value) in about.features.iter().flatten() {
        writeln!(out, "  feature {name} {}", value.as_deref().unwrap_or("unreadable"))?;
    }
    for CpuidEntry { function, index, eax, ebx, ecx, edx } in about.cpuid.iter().flatten() {
        writeln!(out, "  cpuid {function} {index}: {eax} {ebx} {ecx} {edx}")?;
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
    mut about: About,
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
    for info in infos.iter().filter(|info| info.row.write == WriteRule::VcpuBits) {
        // Of a register that the vCPU does not have nothing is said.
        if let Ok(mask) = onereg::writable_bits(vcpu, info) {
            let masks = about.writable.get_or_insert_default();
            masks.insert(info.name, Digits(&mask).to_string());
        }
    }
    let (isa, sbi) = (extensions(&registers, "ISA_EXT_"), extensions(&registers, "SBI_EXT_"));
    let unknown = listed.iter().filter(|id| A::TABLE.by_id(**id).is_none());
    Ok(Profile {
        arch: A::TABLE.name,
        kernel: kernel_release()?,
        capabilities,
        registers,
        unknown: unknown.map(|id| format!("{id:#018x}")).collect(),
        about,
        isa,
        sbi,
    })
}

/// Returns the extensions that are switched on by registers of that prefix; `None` where no register is.
fn extensions(registers: &[Register], prefix: &str) -> Option<Vec<&'static str>> {
    let named = |register: &Register| Some((register.name.strip_prefix(prefix)?, register.is_one));
    let all: Vec<(&'static str, bool)> = registers.iter().filter_map(named).collect();
    let on = all.iter().filter(|(_, is_on)| *is_on).map(|(name, _)| *name).collect();
    (!all.is_empty()).then_some(on)
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
        is_one: Digits(bytes).number() == Some(1),
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
