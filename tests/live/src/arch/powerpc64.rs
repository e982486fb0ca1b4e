//! powerpc: a vCPU of a server processor, as a PAPR guest has it.

use std::io;
use std::path::Path;

use onereg::powerpc::{TB_OFFSET, VPA_ADDR, VPA_SLB};
use onereg::{Info, Powerpc, Registers};

use crate::check::orders::Attempt;
use crate::errno::{Expected, Outcome};
use crate::facts::Facts;
use crate::failure::Failure;
use crate::machine::{List, Machine, create_vcpu, create_vm, touch};
use crate::release::Release;
use crate::system::{self, Kvm, Vcpu, Vm};

/// The architecture.
pub(crate) type Host = Powerpc;

/// Name of the configuration that a host's profile shows.
pub(crate) const PROBED: &str = "plain";

/// Configurations that are measured.
pub(crate) const MEASURED: &[&str] = &["plain"];

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
}

/// Lists the configurations.
pub(crate) fn configurations(_kvm: &Kvm) -> Result<Vec<Configuration>, Failure> {
    Ok(vec![Configuration { name: "plain".to_owned() }])
}

/// Creates a VM with a vCPU of a PAPR guest.
pub(crate) fn create(kvm: &Kvm, configuration: &Configuration) -> Result<Machine, Failure> {
    let vm = create_vm(kvm)?;
    let vcpu = add(kvm, configuration, &vm, 0)?;
    Ok(Machine { vcpu, _devices: Vec::new(), vm })
}

/// Adds a complete vCPU.
pub(crate) fn add(
    _kvm: &Kvm,
    _configuration: &Configuration,
    vm: &Vm,
    index: u32,
) -> Result<Vcpu, Failure> {
    const KVM_CAP_PPC_PAPR: u32 = 68;
    let vcpu = create_vcpu(vm, index)?;
    vcpu.enable(KVM_CAP_PPC_PAPR)
        .map_err(Failure::step("make a vCPU one of a PAPR guest (KVM_CAP_PPC_PAPR)"))?;
    Ok(vcpu)
}

/// Nothing is left to do before the vCPU is complete.
pub(crate) fn finalize(_machine: &Machine, _configuration: &Configuration) -> Result<(), Failure> {
    Ok(())
}

/// Whether the kernel lets a VMM read a register that the vCPU does not have.
pub(crate) fn reads_absent(_info: &Info, _release: Release) -> bool {
    false
}

/// Whether it is one of many of its kind, which a longer check leaves to those that ask for it.
pub(crate) fn is_one_of_many(_configuration: &Configuration) -> bool {
    false
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
pub(crate) fn facts(_kvm: &Kvm, _configuration: &Configuration, _machine: &Machine) -> Facts {
    const ALTIVEC: u64 = 0x1000_0000;
    const VSX: u64 = 0x80;
    let mut facts = Facts::default();
    let is_loaded = |module: &str| Path::new("/sys/module").join(module).exists();
    // With both, a VM of the default type is one of HV.
    let is_hv = is_loaded("kvm_hv");
    facts.note("backend", "hv", is_hv);
    facts.note("backend", "pr", !is_hv);
    facts.complete("backend");
    facts.complete("device");
    let hardware = system::hardware_capabilities();
    facts.note("host", "altivec", hardware & ALTIVEC != 0);
    facts.note("host", "vsx", hardware & VSX != 0);
    facts
}

/// There is no list.
pub(crate) fn lists(_kvm: &Kvm, machine: &Machine, _facts: &Facts) -> Result<Vec<List>, Failure> {
    match machine.registers().reg_list() {
        Err(_) => Ok(Vec::new()),
        Ok(_) => Err(Failure::new(
            "KVM_GET_REG_LIST works here: say `reg_list` in arch.yaml, and `listed` in the rows",
        )),
    }
}

/// Nothing but registers is needed for a run.
pub(crate) fn make_runnable(_machine: &Machine) {}

/// Goes into KVM_RUN and back.
pub(crate) fn first_run(machine: &Machine) -> Option<io::Result<()>> {
    Some(touch(machine))
}

/// Breaks rules of order.
pub(crate) fn orders(kvm: &Kvm, configuration: &Configuration) -> Result<Vec<Attempt>, Failure> {
    let machine = create(kvm, configuration)?;
    let registers = machine.registers();
    let refused = Expected::Refused(&[libc::EINVAL]);
    // Guest address 0x2000, length 0x1000: two doublewords in the order of memory.
    let buffer: u128 =
        if cfg!(target_endian = "little") { 0x1000 << 64 | 0x2000 } else { 0x2000 << 64 | 0x1000 };
    let mut attempts = Vec::new();
    let mut attempt = |subject, what, expected, outcome| {
        attempts.push(Attempt { subject, what, expected, outcome });
    };
    let slb = || Outcome::of(&registers.set(VPA_SLB, buffer));
    let area = |address| Outcome::of(&registers.set(VPA_ADDR, address));
    attempt("VPA_SLB", "an address before VPA_ADDR", refused, slb());
    attempt("VPA_ADDR", "an address off the line", refused, area(0x1001));
    attempt("VPA_ADDR", "an address", Expected::Accepted, area(0x1000));
    attempt("VPA_SLB", "an address after VPA_ADDR", Expected::Accepted, slb());
    attempt("VPA_ADDR", "0 while VPA_SLB has an address", refused, area(0));
    let offset = registers.set(TB_OFFSET, 1);
    let rounded = Outcome::of_write(offset, registers.get(TB_OFFSET), 1 << 24);
    attempt("TB_OFFSET", "1, which is rounded up to 2^24", Expected::Accepted, rounded);
    Ok(attempts)
}
