//! A virtual machine on this host: its vCPUs, their threads, and how it ends.

mod arch;
mod changes;
mod console;
mod device;
mod dump;
mod guest;
mod signals;
mod threads;
mod trace;
mod vcpu;
mod vm;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::cli::RunOptions;
use crate::failure::Failure;
use crate::machine::changes::Snapshot;
use crate::machine::console::Console;
use crate::machine::device::Devices;
use crate::machine::guest::Wishes;
use crate::machine::threads::{AfterFailure, SharedTrace};
use crate::machine::trace::{Trace, Watch};
use crate::machine::vcpu::Vcpu;
use crate::machine::vm::Vm;
use crate::probe::{self, Profile};

/// Runs a guest and prints what it changed.
pub(crate) fn run(kvm: &Path, options: &RunOptions) -> Result<(), Failure> {
    refuse_unsupported(options)?;
    let console = Console::open(&options.console)?;
    let watches = trace::parse::<arch::Host>(&options.trace)?;
    let vm = Vm::new(kvm, options.memory)?;
    let guest = BuiltIn {
        cpus: options.cpus,
        wishes: Wishes::of(&options.cmdline),
        watches: &watches,
        dump: options.dump.as_deref(),
    };
    run_built_in(&vm, guest, console)
}

/// Refuses what this version does not do yet, rather than ignore it.
fn refuse_unsupported(options: &RunOptions) -> Result<(), Failure> {
    let given = [
        ("--kernel", options.kernel.is_some()),
        ("--initrd", options.initrd.is_some()),
        ("--disk", !options.disk.is_empty()),
        ("--net", !options.net.is_empty()),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(Failure::new(format!(
            "{option} is not supported in this version, which runs the built-in guest only: leave it out"
        ))),
        None => Ok(()),
    }
}

/// What the built-in guest is to do, and what is wanted of it.
struct BuiltIn<'a> {
    cpus: u16,
    wishes: Wishes,
    watches: &'a [Watch],
    dump: Option<&'a Path>,
}

/// Runs the built-in guest until it ends, and prints the registers that it changed on the first vCPU.
///
/// However it ends, the changes of what is watched are printed, and the state of every vCPU is dumped.
fn run_built_in(vm: &Vm, guest: BuiltIn<'_>, console: Console) -> Result<(), Failure> {
    let image = arch::load(vm.memory())?;
    let mut vcpus = Vec::new();
    for index in 0..guest.cpus {
        let vcpu = vm.vcpu(index, arch::GUEST_FEATURES)?;
        arch::place(&vcpu, &image, index, guest.wishes)?;
        vcpus.push(vcpu);
    }
    let Some(first) = vcpus.first() else { return Ok(()) };
    let before = Snapshot::take(&first.registers());
    let traces = start_traces(&vcpus, guest.watches)?;
    let after_failure =
        if guest.dump.is_some() { AfterFailure::Return } else { AfterFailure::Drop };
    let devices = Arc::new(Devices::new(console));
    let (vcpus, result) = threads::run(vcpus, &devices, &traces, after_failure)?;
    let dumped =
        guest.dump.map_or(Ok(()), |path| dump::write(vm, &vcpus, guest.cpus, path, &result));
    print_traces(&traces)?;
    dumped?;
    result?;
    let Some(first) = vcpus.first() else { return Ok(()) };
    let after = Snapshot::take(&first.registers());
    let mut out = io::stdout().lock();
    writeln!(out, "Registers of vCPU 0 that the guest changed, of {} read:", before.count())?;
    Ok(before.print_changes(&after, &mut out)?)
}

/// A trace for every vCPU; none where nothing is watched.
fn start_traces(vcpus: &[Vcpu], watches: &[Watch]) -> Result<Vec<SharedTrace>, Failure> {
    if watches.is_empty() {
        return Ok(Vec::new());
    }
    let start = |vcpu: &Vcpu| Trace::start(&vcpu.registers(), watches);
    vcpus.iter().map(|vcpu| Ok(Arc::new(Mutex::new(start(vcpu)?)))).collect()
}

fn print_traces(traces: &[SharedTrace]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    traces.iter().enumerate().try_for_each(|(index, trace)| {
        trace.lock().unwrap_or_else(PoisonError::into_inner).print(index, &mut out)
    })
}

/// Runs the built-in guest for the demo.
pub(crate) fn demo(kvm: &Path) -> Result<(), Failure> {
    let vm = Vm::new(kvm, 16 << 20)?;
    let guest = BuiltIn { cpus: 1, wishes: Wishes::of(""), watches: &[], dump: None };
    run_built_in(&vm, guest, Console::open(Path::new("stdio"))?)
}

/// Checks that the KVM device can be used.
pub(crate) fn check(kvm: &Path) -> Result<(), Failure> {
    vm::open(kvm).map(drop)
}

/// Reads the profile of a vCPU with the features of that list.
pub(crate) fn probe(kvm: &Path, features: &str) -> Result<Profile, Failure> {
    let vm = Vm::new(kvm, arch::MEMORY_MIN)?;
    let (vcpu, fd) = (vm.vcpu(0, features)?, vm.fd());
    let vcpu = vcpu.registers().within(&fd);
    let system = vm.system();
    let mut capabilities = BTreeMap::new();
    for (name, number) in arch::CAPABILITIES {
        capabilities.insert(
            *name,
            system.capability(*number).map_err(|error| {
                Failure::new(format!("cannot ask for {name} (KVM_CHECK_EXTENSION): {error}"))
            })?,
        );
    }
    let listed = arch::list(&system, &vcpu)
        .map_err(|error| Failure::new(format!("cannot list the registers of a vCPU: {error}")))?;
    probe::profile(&vcpu, capabilities, &listed, vm.about()?)
}
