//! `pub const SCTLR_EL1: Reg<Arm64, SctlrEl1> = ...` per row; an array per family.

use super::text::{doc, line};
use super::{PlaceOf, RegisterType, rustdoc};
use crate::model::{Access, Arch, Host, Register, Scope, Support, Width, WriteRule};
use crate::names;

pub(super) fn emit(out: &mut String, arch: &Arch) {
    carriers(out, arch);
    let marker = &arch.marker();
    for register in &arch.registers {
        line!(out);
        documentation(out, arch, register);
        let constant = &register.constant;
        let kind = RegisterType { arch, marker, register };
        let family = register.name.family.is_some();
        match (register.alias_of, register.name.count()) {
            (Some(target), count) => {
                let target = &arch.registers[target];
                // The alias has its target's type: a constant of an array type needs the count.
                let kind = RegisterType { arch, marker, register: target };
                let kind = if family { format!("[{kind}; {count}]") } else { kind.to_string() };
                line!(out, "pub const {constant}: {kind} = {};", target.constant);
            }
            (None, count) if family => {
                line!(out, "pub const {constant}: [{kind}; {count}] = [");
                for index in 0..count {
                    line!(out, "    ::onereg::Reg::new({}),", PlaceOf(arch, register, index));
                }
                line!(out, "];");
            }
            _ => {
                let place = PlaceOf(arch, register, 0);
                line!(out, "pub const {constant}: {kind} = ::onereg::Reg::new({place});");
            }
        }
    }
}

/// What rustdoc says of a register.
fn documentation(out: &mut String, arch: &Arch, register: &Register) {
    doc(out, "", &register.doc);
    line!(out, "///");
    doc(out, "", summary(arch, register));
    for (label, text) in notes(arch, register) {
        line!(out, "///");
        doc(out, "", format_args!("{label}: {text}."));
    }
    rustdoc::fields(out, arch, register);
    if register.name.text != register.constant {
        line!(out, "#[doc(alias = {:?})]", register.name.text);
    }
}

/// `PSTATE: id 0x6030000000100042, 64 bits, read-write, group core.`
fn summary(arch: &Arch, register: &Register) -> String {
    let name = &register.name.text;
    let access = access(register.access);
    let width = match register.width {
        Width::Bits(bits) => format!("{bits} bits"),
        Width::Ulong => "as wide as the host's XLEN".to_owned(),
        Width::Vlenb => "as wide as the host's vector registers".to_owned(),
    };
    let group = &arch.groups[register.group].name;
    let first = if register.name.family.is_some() { "first " } else { "" };
    let place = match (register.via, arch.id(register, 0, Host::default())) {
        (Some(via), _) => {
            format!("{first}offset {:#x} of {}", register.number, arch.carriers[via].structure)
        }
        (None, Some(address)) if !arch.is_kvm() => format!("{first}address {address:#x}"),
        (None, Some(id)) if matches!(register.width, Width::Bits(_)) => {
            format!("{first}id {id:#018x}")
        }
        (None, _) => format!("{first}id {:#018x} and the host's size", arch.id_body(register, 0)),
    };
    format!("{name}: {place}, {width}, {access}, group {group}.")
}

/// What rustdoc says of an access.
pub(super) fn access(access: Access) -> &'static str {
    match access {
        Access::ReadWrite => "read-write",
        Access::ReadOnly => "read-only",
        Access::WriteOnly => "write-only",
    }
}

fn notes(arch: &Arch, register: &Register) -> Vec<(&'static str, String)> {
    let mut notes = Vec::new();
    match register.write {
        WriteRule::Any => {}
        WriteRule::MustMatch => {
            notes.push(("Writes", "only the present value is accepted".to_owned()))
        }
        WriteRule::BeforeFirstRun => {
            notes.push(("Writes", "a new value only before the first run".to_owned()))
        }
        WriteRule::UntilFirstRun => notes.push(("Writes", "only before the first run".to_owned())),
        WriteRule::BeforeFinalize => {
            notes.push(("Writes", "only before the vCPU is finalized".to_owned()))
        }
        WriteRule::ClearOnce => notes.push(("Writes", "0 only while it is not 0".to_owned())),
        WriteRule::UpTo => notes.push(("Writes", "a value up to that of a new vCPU".to_owned())),
        WriteRule::VcpuBits => notes.push(("Writes", "only bits that the vCPU has".to_owned())),
    }
    if register.scope == Scope::Vm {
        notes.push(("Scope", "the VM".to_owned()));
    }
    if !register.requires.is_empty() {
        notes.push(("Requires", register.requires.join(", ")));
    }
    if let Some(since) = &register.since {
        notes.push(("Since", format!("Linux {since}")));
    } else if let (Support::Since(since), None) = (&arch.one_reg, register.via) {
        notes.push(("Since", format!("Linux {since}")));
    }
    if let Some(until) = &register.until {
        notes.push(("Until", format!("Linux {until}")));
    }
    let erratum = |text: &String| ("Erratum", text.trim_end_matches('.').to_owned());
    notes.extend(register.errata.iter().map(erratum));
    notes.extend(
        register.source.iter().map(|source| ("Source", source.trim_end_matches('.').to_owned())),
    );
    notes
}

/// `pub mod carrier { pub static REGS: Carrier = ...; }`
fn carriers(out: &mut String, arch: &Arch) {
    if arch.carriers.is_empty() {
        return;
    }
    line!(out);
    line!(out, "/// Other ioctls whose structs hold registers.");
    line!(out, "pub mod carrier {{");
    for carrier in &arch.carriers {
        doc(
            out,
            "    ",
            format_args!("{}: {}.", carrier.structure, carrier.doc.trim_end_matches('.')),
        );
        line!(
            out,
            "    pub static {}: ::onereg::Carrier = ::onereg::Carrier {{",
            names::constant(&carrier.name, "")
        );
        line!(out, "        name: {:?},", carrier.name);
        line!(out, "        structure: {:?},", carrier.structure);
        line!(out, "        size: {},", carrier.size);
        let ioctl = |ioctl: &crate::model::Ioctl| {
            format!("::onereg::Ioctl {{ name: {:?}, nr: {:#x} }}", ioctl.name, ioctl.nr)
        };
        line!(out, "        get: {},", ioctl(&carrier.get));
        match &carrier.set {
            Some(set) => line!(out, "        set: ::core::option::Option::Some({}),", ioctl(set)),
            None => line!(out, "        set: ::core::option::Option::None,"),
        }
        match carrier.block {
            Some(phase) => line!(out, "        block: ::core::option::Option::Some({phase}),"),
            None => line!(out, "        block: ::core::option::Option::None,"),
        }
        line!(out, "        scope: ::onereg::Scope::{},", carrier.scope.variant());
        match carrier.count {
            Some(offset) => line!(out, "        count: ::core::option::Option::Some({offset}),"),
            None => line!(out, "        count: ::core::option::Option::None,"),
        }
        line!(out, "    }};");
    }
    line!(out, "}}");
}
