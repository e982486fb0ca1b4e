//! x86: a vCPU with and without CPUID, and with an in-kernel local APIC.

use std::io;
use std::path::Path;

use onereg::x86::{APIC_LVTT, ApicLvtt, EFER, IA32_TSC_DEADLINE};
use onereg::{Info, Listed, Place, Registers, X86};

use crate::check::orders::Attempt;
use crate::errno::{Expected, Outcome};
use crate::facts::Facts;
use crate::failure::Failure;
use crate::machine::{List, Machine, create_vcpu, create_vm, touch};
use crate::release::Release;
use crate::system::{Cpuid, CpuidEntry, Kvm, Vcpu, Vm};

/// The architecture.
pub(crate) type Host = X86;

/// KVM_CAP_HYPERV_SYNIC2.
const HYPERV_SYNIC2: u32 = 148;

/// Name of the configuration that a host's profile shows.
pub(crate) const PROBED: &str = "cpuid";

/// Configurations that are measured.
pub(crate) const MEASURED: &[&str] = &["cpuid", "lapic", "lapic, synic"];

/// Whether a VMM that accesses registers one by one does so where a struct holds them.
pub(crate) const STRUCT_PER_REGISTER: bool = true;

/// Returns the number of a model-specific register.
pub(crate) fn msr(id: u64) -> Option<u32> {
    (Some(id >> 32) == EFER.id().map(|id| id >> 32)).then_some(id as u32)
}

/// How a vCPU is set up.
#[derive(Debug)]
pub(crate) struct Configuration {
    pub(crate) name: String,
    has_cpuid: bool,
    has_lapic: bool,
    has_synic: bool,
}

/// Lists the configurations.
pub(crate) fn configurations(kvm: &Kvm) -> Result<Vec<Configuration>, Failure> {
    let has_synic = kvm.capability(HYPERV_SYNIC2) > 0;
    let named =
        |name: &str, configuration| Configuration { name: name.to_owned(), ..configuration };
    let cpuid = || Configuration { has_cpuid: true, ..bare() };
    let lapic = || Configuration { has_lapic: true, ..cpuid() };
    let mut configurations =
        vec![named("no cpuid", bare()), named("cpuid", cpuid()), named("lapic", lapic())];
    if has_synic {
        configurations.push(named("lapic, synic", Configuration { has_synic, ..lapic() }));
    }
    Ok(configurations)
}

/// The configuration without anything.
fn bare() -> Configuration {
    Configuration { name: String::new(), has_cpuid: false, has_lapic: false, has_synic: false }
}

/// Creates a VM whose vCPU finds an instruction that leaves the guest where it starts.
pub(crate) fn create(kvm: &Kvm, configuration: &Configuration) -> Result<Machine, Failure> {
    /// `out 0x80, al`, which no device of the kernel handles.
    const LEAVE: &[u8] = &[0xe6, 0x80];
    let mut vm = create_vm(kvm)?;
    vm.add_memory(0xffff_f000, 0x1000).map_err(Failure::step("give a VM memory"))?;
    vm.write_memory(0xffff_fff0, LEAVE);
    if configuration.has_lapic {
        vm.create_irqchip().map_err(Failure::step("create a local APIC (KVM_CREATE_IRQCHIP)"))?;
    }
    let vcpu = add(kvm, configuration, &vm, 0)?;
    Ok(Machine { vcpu, _devices: Vec::new(), vm })
}

/// Adds a complete vCPU.
pub(crate) fn add(
    kvm: &Kvm,
    configuration: &Configuration,
    vm: &Vm,
    index: u32,
) -> Result<Vcpu, Failure> {
    let vcpu = create_vcpu(vm, index)?;
    if configuration.has_cpuid {
        supported(kvm)
            .and_then(|mut cpuid| {
                if configuration.has_lapic {
                    offer_deadlines(&mut cpuid);
                }
                vcpu.set_cpuid(&cpuid)
            })
            .map_err(Failure::step("set the CPUID of a vCPU (KVM_SET_CPUID2)"))?;
    }
    if configuration.has_synic {
        vcpu.enable(HYPERV_SYNIC2)
            .map_err(Failure::step("enable KVM_CAP_HYPERV_SYNIC2 (KVM_ENABLE_CAP)"))?;
    }
    Ok(vcpu)
}

fn supported(kvm: &Kvm) -> io::Result<Box<Cpuid>> {
    kvm.supported_cpuid()
}

/// Sets the flag of TSC-deadline mode, which older kernels leave to the VMM.
fn offer_deadlines(cpuid: &mut Cpuid) {
    let features = cpuid.entries_mut().iter_mut().find(|entry| entry.function == 1);
    if let Some(entry) = features {
        entry.registers[2] |= 1 << 24;
    }
}

/// A flag of CPUID: function, index, register (EAX to EDX), bit.
type Flag = (&'static str, u32, u32, usize, u32);

/// Flags by the names of the tables.
const FLAGS: &[Flag] = &[
    ("PDCM", 1, 0, 2, 15),
    ("VMX", 1, 0, 2, 5),
    ("DS", 1, 0, 3, 21),
    ("INTEL_PT", 7, 0, 1, 25),
    ("SHSTK", 7, 0, 2, 7),
    ("IBT", 7, 0, 3, 20),
    ("ARCH_CAPABILITIES", 7, 0, 3, 29),
    ("XSAVES", 0xd, 1, 0, 3),
    ("OSVW", 0x8000_0001, 0, 2, 9),
    ("PERFCTR_CORE", 0x8000_0001, 0, 2, 23),
    ("LM", 0x8000_0001, 0, 3, 29),
    ("PERFMON_V2", 0x8000_0022, 0, 0, 0),
];

/// Features of the host, by the flags that KVM supports.
const HOST_FLAGS: &[Flag] = &[
    ("XSAVE", 1, 0, 2, 26),
    ("AVX", 1, 0, 2, 28),
    ("MPX", 7, 0, 1, 14),
    ("INTEL_PT", 7, 0, 1, 25),
    ("WAITPKG", 7, 0, 2, 5),
    ("RDPID", 7, 0, 2, 22),
    ("XFD", 0xd, 1, 0, 4),
    ("RDTSCP", 0x8000_0001, 0, 3, 27),
];

/// Nothing is left to do before the vCPU is complete.
pub(crate) fn finalize(_machine: &Machine, _configuration: &Configuration) -> Result<(), Failure> {
    Ok(())
}

/// Whether the kernel lets a VMM read a register that the vCPU does not have.
pub(crate) fn reads_absent(info: &Info, _release: Release) -> bool {
    info.row.listed != Listed::RegList
}

/// Whether it is one of many of its kind, which a longer check leaves to those that ask for it.
pub(crate) fn is_one_of_many(_configuration: &Configuration) -> bool {
    false
}

/// Whether a state may have any value of a register.
pub(crate) fn can_fill(_configuration: &Configuration, _info: &Info) -> bool {
    true
}

/// Whether the vCPU can run the guest: 64-bit mode needs CPUID.
pub(crate) fn runs_guest(configuration: &Configuration) -> bool {
    configuration.has_cpuid
}

/// Whether the guest can look at a register: a module that is not the kernel's own may emulate its instructions, and know
/// nothing of vectors and x87.
pub(crate) fn guest_can_see(info: &Info) -> bool {
    let is_vector = |place| match place {
        Place::Via { carrier, .. } => ["fpu", "xsave", "xcrs"].contains(&carrier.name),
        _ => false,
    };
    has_known_backend() || !is_vector(info.place)
}

/// Says what is known of the host and a vCPU.
pub(crate) fn facts(kvm: &Kvm, configuration: &Configuration, machine: &Machine) -> Facts {
    let mut facts = Facts::default();
    let entries = supported(kvm).map(|cpuid| cpuid.entries().to_vec()).unwrap_or_default();
    note_cpuid(&mut facts, if configuration.has_cpuid { &entries } else { &[] });
    note_backend(&mut facts);
    for flag in HOST_FLAGS {
        facts.note("host", flag.0, has(&entries, *flag));
    }
    let capabilities = [
        ("config", "KVM_HYPERV", 44),
        ("config", "KVM_SMM", 117),
        ("cap", "XSAVE", 55),
        ("cap", "SREGS2", 200),
        ("cap", "X86_TRIPLE_FAULT_EVENT", 218),
    ];
    for (kind, name, number) in capabilities {
        facts.note(kind, name, machine.vm.capability(number) > 0);
    }
    note_synic(&mut facts, configuration.has_synic);
    facts.note("device", "LAPIC", configuration.has_lapic);
    facts.complete("device");
    facts
}

/// Notes whether the synthetic interrupt controller is there, by either of its capabilities.
fn note_synic(facts: &mut Facts, holds: bool) {
    facts.note("cap", "HYPERV_SYNIC", holds);
    facts.note("cap", "HYPERV_SYNIC2", holds);
}

fn note_cpuid(facts: &mut Facts, entries: &[CpuidEntry]) {
    for flag in FLAGS {
        facts.note("cpuid", flag.0, has(entries, *flag));
    }
    let counters = entries.iter().find(|entry| entry.function == 0xa);
    let version = counters.map_or(0, |entry| entry.registers[0] & 0xff);
    facts.note("cpuid", "ARCH_PERFMON", version > 0);
}

fn has(entries: &[CpuidEntry], (_, function, index, register, bit): Flag) -> bool {
    let entry = entries.iter().find(|entry| (entry.function, entry.index) == (function, index));
    entry.is_some_and(|entry| entry.registers[register] >> bit & 1 == 1)
}

/// Notes which module runs the guests, as far as it is one that the tables know.
fn note_backend(facts: &mut Facts) {
    if has_known_backend() {
        facts.note("host", "VMX", is_loaded("kvm_intel"));
        facts.note("host", "SVM", is_loaded("kvm_amd"));
    }
}

/// Whether the module that runs the guests is one of the kernel's own.
fn has_known_backend() -> bool {
    is_loaded("kvm_intel") || is_loaded("kvm_amd")
}

fn is_loaded(module: &str) -> bool {
    Path::new("/sys/module").join(module).exists()
}

/// Lists MSRs, which are those of every vCPU of the host, and the registers that have no MSR.
pub(crate) fn lists(kvm: &Kvm, machine: &Machine, facts: &Facts) -> Result<Vec<List>, Failure> {
    let system = onereg::kvm::Kvm::over(kvm);
    let mut of_host = facts.clone();
    let supported = supported(kvm).map_err(Failure::step("ask for the supported CPUID"))?;
    note_cpuid(&mut of_host, supported.entries());
    of_host.note("device", "LAPIC", true);
    note_synic(&mut of_host, kvm.capability(HYPERV_SYNIC2) > 0);
    let step = Failure::step("list the MSRs");
    let mut lists = vec![
        List {
            which: Listed::MsrList,
            ids: system.msr_list().map_err(&step)?,
            facts: of_host.clone(),
        },
        List {
            which: Listed::FeatureList,
            ids: system.msr_feature_list().map_err(&step)?,
            facts: of_host,
        },
    ];
    if system.has_one_reg().map_err(&step)? {
        let ids = machine.registers().reg_list();
        let ids = ids.map_err(Failure::step("list the registers (KVM_GET_REG_LIST)"))?;
        lists.push(List { which: Listed::RegList, ids, facts: facts.clone() });
    }
    Ok(lists)
}

/// Nothing but registers is needed for a run.
pub(crate) fn make_runnable(_machine: &Machine) {}

/// Runs the vCPU into the guest, and completes the instruction that leaves it.
pub(crate) fn first_run(machine: &Machine) -> Option<io::Result<()>> {
    Some(machine.vcpu.run(false).and_then(|_| touch(machine)))
}

/// Breaks rules of order.
pub(crate) fn orders(kvm: &Kvm, configuration: &Configuration) -> Result<Vec<Attempt>, Failure> {
    let mut attempts = Vec::new();
    if configuration.has_lapic {
        attempts.extend(deadlines(&create(kvm, configuration)?));
    } else if configuration.has_cpuid && has_known_backend() {
        // Another module may change the CPUID that it is given.
        attempts.extend(cpuid_after_run(kvm)?);
    }
    Ok(attempts)
}

/// The deadline is kept only once the local APIC is in the mode for it.
fn deadlines(machine: &Machine) -> Vec<Attempt> {
    const MODE_TSC_DEADLINE: u32 = 2 << 17;
    /// Minutes away: of a deadline too far ahead some kernels make one in the past.
    const FAR: u64 = 1 << 42;
    let registers = machine.registers();
    let write = || {
        let written = registers.set(IA32_TSC_DEADLINE, FAR);
        Outcome::of_write(written, registers.get(IA32_TSC_DEADLINE), FAR)
    };
    let early = write();
    let mode = registers.set(APIC_LVTT, ApicLvtt::new(MODE_TSC_DEADLINE | 0xff));
    vec![
        Attempt {
            subject: "IA32_TSC_DEADLINE",
            what: "a write before APIC_LVTT has the mode for it",
            expected: Expected::Ignored,
            outcome: early,
        },
        Attempt {
            subject: "APIC_LVTT",
            what: "a write of TSC-deadline mode",
            expected: Expected::Accepted,
            outcome: Outcome::of(&mode),
        },
        Attempt {
            subject: "IA32_TSC_DEADLINE",
            what: "a write after APIC_LVTT has the mode for it",
            expected: Expected::Accepted,
            outcome: write(),
        },
    ]
}

/// The first run freezes CPUID.
fn cpuid_after_run(kvm: &Kvm) -> Result<Vec<Attempt>, Failure> {
    let machine = create(kvm, &bare())?;
    let mut cpuid = supported(kvm).map_err(Failure::step("ask for the supported CPUID"))?;
    let early = Outcome::of_call(&machine.vcpu.set_cpuid(&cpuid));
    machine.vcpu.run(false).map_err(Failure::step("run a vCPU (KVM_RUN)"))?;
    let same = Outcome::of_call(&machine.vcpu.set_cpuid(&cpuid));
    if let Some(entry) = cpuid.entries_mut().iter_mut().find(|entry| entry.function == 1) {
        // SSE3.
        entry.registers[2] ^= 1;
    }
    let other = Outcome::of_call(&machine.vcpu.set_cpuid(&cpuid));
    Ok(vec![
        Attempt {
            subject: "KVM_SET_CPUID2",
            what: "the supported CPUID before the first run",
            expected: Expected::Accepted,
            outcome: early,
        },
        Attempt {
            subject: "KVM_SET_CPUID2",
            what: "the same CPUID after the first run",
            expected: Expected::Accepted,
            outcome: same,
        },
        Attempt {
            subject: "KVM_SET_CPUID2",
            what: "another CPUID after the first run",
            expected: Expected::Refused(&[libc::EINVAL]),
            outcome: other,
        },
    ])
}
