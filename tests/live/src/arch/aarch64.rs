//! arm64: a vCPU with each feature of KVM_ARM_VCPU_INIT, and with all of them.

use std::fs;
use std::io;

use onereg::arm64::{FFR, MPIDR_EL1, P, PC, SVE_VLS, V, Z};
use onereg::{Arch, Arm64, Info, Listed, Place, Readable, Reg, Registers, Value};

use crate::check::orders::Attempt;
use crate::errno::{Expected, Outcome};
use crate::facts::Facts;
use crate::failure::Failure;
use crate::machine::{List, Machine, create_vcpu, create_vm, touch};
use crate::release::Release;
use crate::system::{Device, Kvm, Vcpu, Vm};

/// The architecture.
pub(crate) type Host = Arm64;

/// Name of the configuration that a host's profile shows.
pub(crate) const PROBED: &str = "all";

const EL1_32BIT: u32 = 1 << 1;
const PSCI_0_2: u32 = 1 << 2;
const PMU_V3: u32 = 1 << 3;
const SVE: u32 = 1 << 4;
const HAS_EL2: u32 = 1 << 7;

/// Features of KVM_ARM_VCPU_INIT, by the names of the tables, with the capability that says whether the host has them.
const FEATURES: &[(&str, u32, u32)] = &[
    ("KVM_ARM_VCPU_EL1_32BIT", EL1_32BIT, 93),
    ("KVM_ARM_VCPU_PMU_V3", PMU_V3, 126),
    ("KVM_ARM_VCPU_SVE", SVE, 170),
    ("KVM_ARM_VCPU_PTRAUTH_ADDRESS", 1 << 5, 171),
    ("KVM_ARM_VCPU_PTRAUTH_GENERIC", 1 << 6, 172),
    ("KVM_ARM_VCPU_HAS_EL2", HAS_EL2, 240),
    ("KVM_ARM_VCPU_HAS_EL2_E2H0", 1 << 8, 241),
];

/// Capabilities of the VM that bring registers, by the names of the tables.
const CAPABILITIES: &[(&str, u32)] =
    &[("KVM_CAP_ARM_MTE", 205), ("KVM_CAP_ARM_WRITABLE_IMP_ID_REGS", 239)];

/// Configurations that are measured.
pub(crate) const MEASURED: &[&str] = &["plain", "all"];

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
    features: u32,
    capabilities: &'static [(&'static str, u32)],
}

/// What a configuration adds to a plain vCPU.
type Addition = (&'static str, u32, &'static [(&'static str, u32)]);

/// Lists the configurations that the host offers.
pub(crate) fn configurations(kvm: &Kvm) -> Result<Vec<Configuration>, Failure> {
    let (mte, imp_id) = CAPABILITIES.split_at(1);
    let ptrauth = 1 << 5 | 1 << 6;
    let state = PMU_V3 | SVE | ptrauth;
    let additions: [Addition; 11] = [
        ("plain", 0, &[]),
        ("pmu", PMU_V3, &[]),
        ("sve", SVE, &[]),
        ("ptrauth", ptrauth, &[]),
        ("mte", 0, mte),
        ("aarch32", EL1_32BIT, &[]),
        ("imp-id", 0, imp_id),
        ("all", state, mte),
        ("el2", HAS_EL2, &[]),
        ("el2-e2h0", HAS_EL2 | 1 << 8, &[]),
        ("el2-all", HAS_EL2 | state, mte),
    ];
    let has = |capability: u32| kvm.capability(capability) > 0;
    let offered = FEATURES.iter().filter(|(.., capability)| has(*capability));
    let offered = offered.fold(0, |bits, (_, bit, _)| bits | bit);
    let mut configurations: Vec<Configuration> = Vec::new();
    for (name, wanted, wanted_capabilities) in additions {
        let is_sum = name.ends_with("all");
        let lacks_capability = wanted_capabilities.iter().any(|(_, number)| !has(*number));
        let base = if is_sum { wanted & HAS_EL2 } else { wanted };
        if offered & base != base || (lacks_capability && !is_sum) {
            continue;
        }
        configurations.push(Configuration {
            name: name.to_owned(),
            features: wanted & offered,
            capabilities: if lacks_capability { &[] } else { wanted_capabilities },
        });
    }
    Ok(configurations)
}

/// Creates a VM with an initialised vCPU.
pub(crate) fn create(kvm: &Kvm, configuration: &Configuration) -> Result<Machine, Failure> {
    let (vm, vcpu) = initialized(kvm, configuration)?;
    // A vCPU with EL2 needs the interrupt controller to run.
    let devices = match configuration.features & HAS_EL2 {
        0 => Vec::new(),
        _ => vec![gic(&vm).map_err(Failure::step("create a GICv3 (KVM_CREATE_DEVICE)"))?],
    };
    Ok(Machine { vcpu, _devices: devices, vm })
}

/// Finalizes the vCPU, where it has SVE.
pub(crate) fn finalize(machine: &Machine, configuration: &Configuration) -> Result<(), Failure> {
    finalize_vcpu(&machine.vcpu, configuration)
}

/// Adds a complete vCPU like the first one.
pub(crate) fn add(
    _kvm: &Kvm,
    configuration: &Configuration,
    vm: &Vm,
    index: u32,
) -> Result<Vcpu, Failure> {
    let vcpu = create_vcpu(vm, index)?;
    initialize(vm, &vcpu, configuration)?;
    finalize_vcpu(&vcpu, configuration)?;
    Ok(vcpu)
}

fn finalize_vcpu(vcpu: &Vcpu, configuration: &Configuration) -> Result<(), Failure> {
    if configuration.features & SVE == 0 {
        return Ok(());
    }
    let finalized = vcpu.arm_finalize(4);
    finalized.map_err(Failure::step("finalize SVE of a vCPU (KVM_ARM_VCPU_FINALIZE)"))
}

/// Creates a VM with a vCPU that is initialised.
fn initialized(kvm: &Kvm, configuration: &Configuration) -> Result<(Vm, Vcpu), Failure> {
    let vm = create_vm(kvm)?;
    for (_, number) in configuration.capabilities {
        vm.enable(*number).map_err(Failure::step("enable a capability (KVM_ENABLE_CAP)"))?;
    }
    let vcpu = create_vcpu(&vm, 0)?;
    initialize(&vm, &vcpu, configuration)?;
    Ok((vm, vcpu))
}

fn initialize(vm: &Vm, vcpu: &Vcpu, configuration: &Configuration) -> Result<(), Failure> {
    let target = vm.preferred_target();
    let mut init =
        target.map_err(Failure::step("choose a vCPU's target (KVM_ARM_PREFERRED_TARGET)"))?;
    init.features[0] = PSCI_0_2 | configuration.features;
    vcpu.arm_init(&init).map_err(Failure::step("initialise a vCPU (KVM_ARM_VCPU_INIT)"))
}

/// Creates the interrupt controller, where the `virt` machine of QEMU has it.
fn gic(vm: &Vm) -> io::Result<Device> {
    const VGIC_V3: u32 = 7;
    const GROUP_ADDRESS: u32 = 0;
    const GROUP_CONTROL: u32 = 4;
    let gic = vm.create_device(VGIC_V3)?;
    gic.set(GROUP_ADDRESS, 2, Some(0x0800_0000))?;
    gic.set(GROUP_ADDRESS, 3, Some(0x080a_0000))?;
    gic.set(GROUP_CONTROL, 0, None)?;
    Ok(gic)
}

/// Whether the kernel lets a VMM read a register that the vCPU does not have.
pub(crate) fn reads_absent(_info: &Info, _release: Release) -> bool {
    false
}

/// Whether it is one of many of its kind, which a longer check leaves to those that ask for it.
pub(crate) fn is_one_of_many(_configuration: &Configuration) -> bool {
    false
}

/// Whether a state may have any value of a register. An SError that a 32-bit vCPU takes leaves it in a mode that KVM then
/// refuses to set, as the row says: such a state is no legal one.
pub(crate) fn can_fill(configuration: &Configuration, info: &Info) -> bool {
    configuration.features & EL1_32BIT == 0 || info.name != "SERROR_PENDING"
}

/// Whether the vCPU can run the guest, which is AArch64 code of EL1.
pub(crate) fn runs_guest(configuration: &Configuration) -> bool {
    configuration.features & (EL1_32BIT | HAS_EL2) == 0
}

/// Whether the guest can look at a register.
pub(crate) fn guest_can_see(_info: &Info) -> bool {
    true
}

/// Says what is known of the host and a vCPU.
pub(crate) fn facts(_kvm: &Kvm, configuration: &Configuration, machine: &Machine) -> Facts {
    let mut facts = Facts::default();
    for (name, bit, _) in FEATURES {
        facts.note("feature", name, configuration.features & bit != 0);
    }
    facts.complete("feature");
    for (name, _) in CAPABILITIES {
        let is_enabled = configuration.capabilities.iter().any(|(enabled, _)| enabled == name);
        facts.note("cap", name, is_enabled);
    }
    note_host(&mut facts);
    let conditions = Arm64::TABLE.registers.iter().flat_map(|info| info.row.requires);
    for name in conditions.filter_map(|condition| condition.strip_prefix("id:")) {
        if let Some(holds) = id_field(machine, name) {
            facts.note("id", name, holds);
        }
    }
    facts
}

/// Notes the features of the processor that /proc/cpuinfo has words for.
fn note_host(facts: &mut Facts) {
    let Ok(text) = fs::read_to_string("/proc/cpuinfo") else { return };
    let Some(line) = text.lines().find(|line| line.starts_with("Features")) else { return };
    for name in ["POE", "FPMR"] {
        let has = line.split_whitespace().any(|word| word.eq_ignore_ascii_case(name));
        facts.note("host", name, has);
    }
}

/// Evaluates `REGISTER.FIELD`, which is not zero, or `REGISTER.FIELD>=VALUE`; `None` where the table does not describe it.
fn id_field(machine: &Machine, condition: &str) -> Option<bool> {
    let (register, field) = condition.split_once('.')?;
    let (field, least) =
        field.split_once(">=").map_or((field, None), |(name, value)| (name, Some(value)));
    let info = Arm64::TABLE.by_name(register)?;
    let value = machine.registers().get(Reg::<Arm64, u64>::new(info.place)).ok()?;
    let field = info.fields(&value.to_ne_bytes()).find(|found| found.field.name == field)?;
    match least {
        None => Some(field.value != 0),
        Some(least) => {
            let (_, least) = field.field.values.iter().find(|(name, _)| *name == least)?;
            Some(field.value >= u128::from(*least))
        }
    }
}

/// Lists the registers.
pub(crate) fn lists(_kvm: &Kvm, machine: &Machine, facts: &Facts) -> Result<Vec<List>, Failure> {
    let ids = machine.registers().reg_list();
    let ids = ids.map_err(Failure::step("list the registers (KVM_GET_REG_LIST)"))?;
    Ok(vec![List { which: Listed::RegList, ids, facts: facts.clone() }])
}

/// Goes into KVM_RUN and back, which finalizes the VM.
pub(crate) fn first_run(machine: &Machine) -> Option<io::Result<()>> {
    make_runnable(machine);
    Some(touch(machine))
}

/// Completes the PMU, where the vCPU has one.
pub(crate) fn make_runnable(machine: &Machine) {
    const GROUP_PMU: u32 = 0;
    const PPI: u64 = 23;
    // Both fail on a vCPU without PMU; the first also without an interrupt controller, where it is not needed.
    let _ = machine.vcpu.set(GROUP_PMU, 0, Some(PPI));
    let _ = machine.vcpu.set(GROUP_PMU, 1, None);
}

/// Breaks rules of order.
pub(crate) fn orders(kvm: &Kvm, configuration: &Configuration) -> Result<Vec<Attempt>, Failure> {
    let mut attempts = before_init(&create_vm(kvm)?)?;
    attempts.push(affinity(kvm, configuration)?);
    if configuration.features & SVE != 0 {
        let (vm, vcpu) = initialized(kvm, configuration)?;
        attempts.extend(around_finalize(&Machine { vcpu, _devices: Vec::new(), vm }));
    }
    Ok(attempts)
}

fn attempt(
    subject: &'static str,
    what: &'static str,
    expected: Expected,
    outcome: Outcome,
) -> Attempt {
    Attempt { subject, what, expected, outcome }
}

/// Nothing is there before KVM_ARM_VCPU_INIT.
fn before_init(vm: &Vm) -> Result<Vec<Attempt>, Failure> {
    let vcpu = create_vcpu(vm, 0)?;
    let registers = onereg::kvm::Vcpu::<Arm64>::over(&vcpu);
    let refused = Expected::Refused(&[libc::ENOEXEC]);
    Ok(vec![
        attempt("PC", "a read before init", refused, Outcome::of(&registers.get(PC))),
        attempt("PC", "a write before init", refused, Outcome::of(&registers.set(PC, 0))),
        attempt(
            "KVM_GET_REG_LIST",
            "before init",
            refused,
            Outcome::of_call(&registers.reg_list()),
        ),
        attempt("KVM_RUN", "before init", refused, Outcome::of_call(&touch_vcpu(&vcpu))),
    ])
}

fn touch_vcpu(vcpu: &Vcpu) -> io::Result<()> {
    vcpu.run(true).map(|_| ())
}

/// From vCPU 16 on, affinity level 0 is not the number of the vCPU.
fn affinity(kvm: &Kvm, configuration: &Configuration) -> Result<Attempt, Failure> {
    let (vm, _first) = initialized(kvm, configuration)?;
    let vcpu = add(kvm, configuration, &vm, 0x21)?;
    let affinity = onereg::kvm::Vcpu::<Arm64>::over(&vcpu).get(MPIDR_EL1);
    let levels = affinity.map(|mpidr| (mpidr.aff2(), mpidr.aff1(), mpidr.aff0()));
    let outcome = Outcome::of_write(Ok(()), levels, (0, 2, 1));
    Ok(attempt("MPIDR_EL1", "affinity 0.2.1 of vCPU 33", Expected::Accepted, outcome))
}

/// Vectors exist once the vCPU is finalized, and their length can be set only before.
fn around_finalize(machine: &Machine) -> Vec<Attempt> {
    let registers = machine.registers();
    let refused = Expected::Refused(&[libc::EPERM]);
    let lengths = registers.get(SVE_VLS);
    let set_lengths = || match &lengths {
        Ok(lengths) => Outcome::of(&registers.set(SVE_VLS, *lengths)),
        Err(error) => Outcome::of::<()>(&Err(*error)),
    };
    let mut attempts = vec![
        attempt("Z0", "a read before finalize", refused, try_read(machine, Z[0])),
        attempt("P0", "a read before finalize", refused, try_read(machine, P[0])),
        attempt("FFR", "a read before finalize", refused, try_read(machine, FFR)),
        attempt("Z0", "a write before finalize", refused, try_write(machine, Z[0].place())),
        attempt("P0", "a write before finalize", refused, try_write(machine, P[0].place())),
        attempt("FFR", "a write before finalize", refused, try_write(machine, FFR.place())),
        attempt(
            "KVM_GET_REG_LIST",
            "before finalize",
            refused,
            Outcome::of_call(&registers.reg_list()),
        ),
        attempt(
            "KVM_RUN",
            "before finalize",
            refused,
            Outcome::of_call(&touch_vcpu(&machine.vcpu)),
        ),
        attempt("SVE_VLS", "a write before finalize", Expected::Accepted, set_lengths()),
    ];
    let finalized = Outcome::of_call(&machine.vcpu.arm_finalize(4));
    let again = Outcome::of_call(&machine.vcpu.arm_finalize(4));
    let slice = Z[0].id().map_or(0, |id| id | 1);
    attempts.extend([
        attempt("KVM_ARM_VCPU_FINALIZE", "the first time", Expected::Accepted, finalized),
        attempt("KVM_ARM_VCPU_FINALIZE", "the second time", refused, again),
        attempt("SVE_VLS", "a write after finalize", refused, set_lengths()),
        attempt("Z0", "a read after finalize", Expected::Accepted, try_read(machine, Z[0])),
        attempt(
            "Z0",
            "a read of slice 1",
            Expected::Refused(&[libc::ENOENT]),
            Outcome::of(&registers.get_raw(slice, &mut [0; 256])),
        ),
        attempt(
            "V0",
            "a read with SVE",
            Expected::Refused(&[libc::EINVAL]),
            try_read(machine, V[0]),
        ),
    ]);
    attempts
}

fn try_read<T: Value, K: Readable>(machine: &Machine, register: Reg<Arm64, T, K>) -> Outcome {
    Outcome::of(&machine.registers().get(register))
}

fn try_write(machine: &Machine, place: Place) -> Outcome {
    let registers = machine.registers();
    let zeros = vec![0; place.size(registers.host())];
    Outcome::of(&registers.write_bytes(place, &zeros))
}
