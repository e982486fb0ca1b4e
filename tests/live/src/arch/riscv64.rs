//! riscv: a vCPU with each ISA and SBI extension switched over, and with all and none of them.

use std::collections::BTreeSet;
use std::fs;
use std::io;

use onereg::{Arch, Info, Listed, Reg, Registers, Riscv, Ulong};

use crate::check::orders::Attempt;
use crate::errno::Outcome;
use crate::facts::Facts;
use crate::failure::Failure;
use crate::machine::{List, Machine, create_vcpu, create_vm, touch};
use crate::release::Release;
use crate::system::{Kvm, Vcpu, Vm};

/// The architecture.
pub(crate) type Host = Riscv;

/// Name of the configuration that a host's profile shows.
pub(crate) const PROBED: &str = "default";

/// Names of the registers that switch extensions begin like this; the kind of condition that they decide.
const SWITCHES: [(&str, &str); 2] = [("ISA_EXT_", "isa"), ("SBI_EXT_", "sbi")];

/// Configurations that are measured.
pub(crate) const MEASURED: &[&str] = &["default", "all"];

/// Whether a VMM that accesses registers one by one does so where a struct holds them.
pub(crate) const STRUCT_PER_REGISTER: bool = false;

/// Returns the number of a model-specific register: x86 has them.
pub(crate) fn msr(_id: u64) -> Option<u32> {
    None
}

/// How a vCPU is set up.
#[derive(Debug)]
pub(crate) struct Configuration {
    pub(crate) name: String,
    /// Extensions to switch, in order.
    switches: Vec<(&'static Info, bool)>,
}

/// Lists the configurations that the host offers.
pub(crate) fn configurations(kvm: &Kvm) -> Result<Vec<Configuration>, Failure> {
    let bare = Configuration { name: "default".to_owned(), switches: Vec::new() };
    let machine = create(kvm, &bare)?;
    let mut switched = Vec::new();
    for (info, is_on) in extensions(&machine) {
        // On a VM of its own: what an extension needs may be gone on one where others were switched.
        let machine = create(kvm, &bare)?;
        if switch(&machine.vcpu, info, !is_on) == Outcome::Accepted {
            switched.push((info, !is_on));
        }
    }
    let only =
        |wanted: bool| switched.iter().copied().filter(|(_, on)| *on == wanted).collect::<Vec<_>>();
    let all = Configuration { name: "all".to_owned(), switches: only(true) };
    let none = Configuration { name: "none".to_owned(), switches: only(false) };
    let one = |(info, on): &(&'static Info, bool)| Configuration {
        name: format!("{} {}", info.name, if *on { "on" } else { "off" }),
        switches: vec![(info, *on)],
    };
    let each: Vec<Configuration> = switched.iter().map(one).collect();
    Ok([bare, all, none].into_iter().chain(each).collect())
}

/// Lists the extensions that the vCPU has a switch for, and whether each is on.
fn extensions(machine: &Machine) -> Vec<(&'static Info, bool)> {
    let is_switch = |info: &&Info| SWITCHES.iter().any(|(prefix, _)| info.name.starts_with(prefix));
    let switches = Riscv::TABLE.registers.iter().filter(is_switch);
    switches.filter_map(|info| Some((info, is_on(machine, info)?))).collect()
}

fn is_on(machine: &Machine, info: &Info) -> Option<bool> {
    let value = machine.registers().get(Reg::<Riscv, Ulong>::new(info.place)).ok()?;
    Some(value != Ulong(0))
}

fn switch(vcpu: &Vcpu, info: &Info, on: bool) -> Outcome {
    let register = Reg::<Riscv, Ulong>::new(info.place);
    Outcome::of(&onereg::kvm::Vcpu::over(vcpu).set(register, Ulong(on.into())))
}

/// Creates a VM with a vCPU whose extensions are switched.
pub(crate) fn create(kvm: &Kvm, configuration: &Configuration) -> Result<Machine, Failure> {
    let vm = create_vm(kvm)?;
    let vcpu = add(kvm, configuration, &vm, 0)?;
    Ok(Machine { vcpu, _devices: Vec::new(), vm })
}

/// Adds a complete vCPU.
pub(crate) fn add(
    _kvm: &Kvm,
    configuration: &Configuration,
    vm: &Vm,
    index: u32,
) -> Result<Vcpu, Failure> {
    let vcpu = create_vcpu(vm, index)?;
    for (info, on) in &configuration.switches {
        let outcome = switch(&vcpu, info, *on);
        if outcome != Outcome::Accepted {
            return Err(Failure::new(format!(
                "cannot switch {} of a vCPU to {}: {outcome}",
                info.name,
                u8::from(*on)
            )));
        }
    }
    Ok(vcpu)
}

/// Nothing is left to do before the vCPU is complete.
pub(crate) fn finalize(_machine: &Machine, _configuration: &Configuration) -> Result<(), Failure> {
    Ok(())
}

/// Whether the kernel lets a VMM read a register that the vCPU does not have: Linux 6.12 reads those of extensions that
/// are off, 7.2 refuses them, and which of the releases in between is the first to refuse is not known.
pub(crate) fn reads_absent(_info: &Info, release: Release) -> bool {
    release.is_within(None, Some("7.1"))
}

/// Whether it is one of many of its kind, which a longer check leaves to those that ask for it.
pub(crate) fn is_one_of_many(configuration: &Configuration) -> bool {
    configuration.switches.len() == 1
}

/// Whether a state may have any value of a register.
pub(crate) fn can_fill(_configuration: &Configuration, _info: &Info) -> bool {
    true
}

/// Whether the vCPU can run the guest.
pub(crate) fn runs_guest(_configuration: &Configuration) -> bool {
    true
}

/// Whether the guest can look at a register.
pub(crate) fn guest_can_see(_info: &Info) -> bool {
    true
}

/// Says what is known of the host and a vCPU.
pub(crate) fn facts(_kvm: &Kvm, _configuration: &Configuration, machine: &Machine) -> Facts {
    let mut facts = Facts::default();
    for (info, is_on) in extensions(machine) {
        for (prefix, kind) in SWITCHES {
            if let Some(name) = info.name.strip_prefix(prefix) {
                facts.note(kind, name, is_on);
            }
        }
    }
    facts.complete("isa");
    facts.complete("sbi");
    if let Some(extensions) = host_extensions() {
        let conditions = Riscv::TABLE.registers.iter().flat_map(|info| info.row.requires);
        let names = conditions.filter_map(|condition| condition.strip_prefix("host:"));
        // What has a hyphen is no extension.
        for name in names.filter(|name| !name.contains('-')) {
            facts.note("host", name, extensions.contains(&name.to_lowercase()));
        }
    }
    facts
}

/// Reads the extensions of the processor from /proc/cpuinfo: `rv64imafdch_zicbom_zba`.
fn host_extensions() -> Option<BTreeSet<String>> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("isa"))?;
    let (_, isa) = line.split_once(':')?;
    let mut parts = isa.trim().split('_');
    let letters = parts.next()?.trim_start_matches(|c: char| "rv0123456789".contains(c));
    let letters = letters.chars().map(String::from);
    Some(letters.chain(parts.map(str::to_owned)).collect())
}

/// Lists the registers.
pub(crate) fn lists(_kvm: &Kvm, machine: &Machine, facts: &Facts) -> Result<Vec<List>, Failure> {
    let ids = machine.registers().reg_list();
    let ids = ids.map_err(Failure::step("list the registers (KVM_GET_REG_LIST)"))?;
    Ok(vec![List { which: Listed::RegList, ids, facts: facts.clone() }])
}

/// Nothing but registers is needed for a run.
pub(crate) fn make_runnable(_machine: &Machine) {}

/// Goes into KVM_RUN and back, which counts as a run.
pub(crate) fn first_run(machine: &Machine) -> Option<io::Result<()>> {
    Some(touch(machine))
}

/// Breaks rules of order: those that are not in the rows concern no vCPU here.
pub(crate) fn orders(_kvm: &Kvm, _configuration: &Configuration) -> Result<Vec<Attempt>, Failure> {
    Ok(Vec::new())
}
