//! A virtual machine on this host: its vCPUs, their threads, and how it ends.

mod arch;
mod bus;
mod changes;
mod confine;
mod console;
mod crash;
mod dump;
mod guest;
mod hvc;
mod journal;
mod last_words;
mod linux;
mod loader;
mod memory;
mod metrics;
mod output;
mod pci;
mod serial;
mod signals;
mod terminal;
mod threads;
mod timings;
mod trace;
mod vcpu;
mod virtio;
mod vm;
mod wires;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::cli::RunOptions;
use crate::failure::Failure;
use crate::machine::bus::Devices;
use crate::machine::changes::Snapshot;
use crate::machine::console::Console;
use crate::machine::dump::Dump;
use crate::machine::guest::Wishes;
use crate::machine::loader::{Input, Linux};
use crate::machine::memory::Memory;
use crate::machine::metrics::{Counted, Metrics};
use crate::machine::serial::Serial;
use crate::machine::threads::{AfterFailure, Events, Notes, Outcome, Stop};
use crate::machine::timings::Point;
use crate::machine::trace::{Trace, Watch};
use crate::machine::vcpu::Vcpu;
use crate::machine::virtio::Inventory;
use crate::machine::vm::Vm;
use crate::probe::{self, Profile};

/// Runs a guest until it ends, and says what is wanted of the run, whose program began at `start`.
pub(crate) fn run(kvm: &Path, options: &RunOptions, start: Instant) -> Result<(), Failure> {
    timings::start(start);
    journal::start(options.log.as_deref(), options.log_level)?;
    log::info!(cpus = options.cpus, memory = options.memory; "the guest starts");
    let result = run_guest(kvm, options);
    match &result {
        Ok(()) => log::info!("the guest is off"),
        Err(failure) => log::info!("the run fails: {failure}"),
    }
    if options.timings {
        timings::print();
    }
    result
}

fn run_guest(kvm: &Path, options: &RunOptions) -> Result<(), Failure> {
    refuse_unsupported(options)?;
    refuse_two_on_stdio(options)?;
    refuse_balloon_of_huge_pages(options)?;
    let watches = trace::parse::<arch::Host>(&options.trace)?;
    confine::start(options.seccomp)?;
    let console = Console::open(&options.console)?;
    // First of all, so that no thread is started which a signal would end, and the process with it.
    let events = Events::new()?;
    let metrics = options.metrics.as_deref().map(|path| Metrics::start(path, options.memory));
    let wanted = Wanted {
        cpus: options.cpus,
        watches: &watches,
        dump: options.dump.as_deref().map(Dump::open).transpose()?,
        metrics: metrics.transpose()?,
    };
    let memory = match options.hugepages {
        true => Memory::HugePages(options.memory),
        false => Memory::Pages(options.memory),
    };
    let linux =
        options.kernel.as_deref().map(|kernel| open(kernel, options, &events)).transpose()?;
    let sockets = linux.as_ref().map(|(_, inventory)| inventory.sockets()).unwrap_or_default();
    confine::close(kvm, &sockets, options.landlock)?;
    match linux {
        Some((linux, inventory)) => {
            if let (Some(metrics), Some(balloon)) = (&wanted.metrics, inventory.balloon()) {
                metrics.watch_balloon(balloon);
            }
            linux::run(kvm, memory, &linux, &wanted, console, &inventory, &events)
        }
        None => {
            let vm = Vm::new(kvm, memory)?;
            run_built_in(&vm, Wishes::of(&options.cmdline), &wanted, console, &events)
        }
    }
}

/// Opens the files of a kernel and of its devices.
fn open<'a>(
    kernel: &'a Path,
    options: &'a RunOptions,
    events: &Events,
) -> Result<(Linux<'a>, Inventory), Failure> {
    let kernel = Input::open("kernel", kernel)?;
    let initrd = options.initrd.as_deref().map(|path| Input::open("initrd", path));
    let linux = Linux { kernel, initrd: initrd.transpose()?, cmdline: &options.cmdline };
    Ok((linux, Inventory::open(options, events)?))
}

/// Refuses what would be ignored: what the built-in guest does not use.
fn refuse_unsupported(options: &RunOptions) -> Result<(), Failure> {
    if options.kernel.is_some() {
        return Ok(());
    }
    let given = [
        ("--disk", !options.disk.is_empty()),
        ("--net", !options.net.is_empty()),
        ("--vsock", options.vsock.is_some()),
        ("--virtio-console", options.virtio_console.is_some()),
        ("--balloon", options.balloon.is_some()),
    ];
    match given.iter().find(|(_, is_given)| *is_given) {
        Some((option, _)) => Err(Failure::new(format!(
            "the built-in guest has no driver for a {option}: leave it out, or give a --kernel"
        ))),
        None => Ok(()),
    }
}

/// Refuses that two consoles hear what is typed.
fn refuse_two_on_stdio(options: &RunOptions) -> Result<(), Failure> {
    let stdio = Path::new("stdio");
    if options.console == stdio && options.virtio_console.as_deref() == Some(stdio) {
        return Err(Failure::with_status(
            2,
            "both consoles have stdio: give the serial port another --console, FILE or none",
        ));
    }
    Ok(())
}

/// Refuses a balloon of memory that cannot go back to the host as guests give it, in pages that are not huge.
fn refuse_balloon_of_huge_pages(options: &RunOptions) -> Result<(), Failure> {
    match options.hugepages && options.balloon.is_some() {
        true => Err(Failure::with_status(
            2,
            "a --balloon cannot give parts of --hugepages back to the host: leave one of them out",
        )),
        false => Ok(()),
    }
}

/// What is wanted of any guest.
struct Wanted<'a> {
    cpus: u16,
    watches: &'a [Watch],
    dump: Option<Dump>,
    metrics: Option<Metrics>,
}

/// Runs the built-in guest until it ends, and prints the registers that it changed on the first vCPU.
fn run_built_in(
    vm: &Vm,
    wishes: Wishes,
    wanted: &Wanted<'_>,
    console: Console,
    events: &Events,
) -> Result<(), Failure> {
    let image = arch::load(vm.memory())?;
    timings::reach(Point::Loaded);
    let mut vcpus = Vec::new();
    for index in 0..wanted.cpus {
        let vcpu = vm.vcpu(index, arch::GUEST_FEATURES)?;
        arch::place(&vcpu, &image, index, wishes)?;
        vcpus.push(vcpu);
    }
    let Some(first) = vcpus.first() else { return Ok(()) };
    let before = Snapshot::take(&first.registers());
    let devices = Arc::new(Devices::new(Arc::new(Serial::new(console))));
    let (vcpus, _) = run_vcpus(vm, vcpus, &devices, events, wanted)?;
    let Some(first) = vcpus.first() else { return Ok(()) };
    let after = Snapshot::take(&first.registers());
    let mut out = io::stdout().lock();
    writeln!(out, "Registers of vCPU 0 that the guest changed, of {} read:", before.count())?;
    Ok(before.print_changes(&after, &mut out)?)
}

/// Runs vCPUs until the guest ends or starts over.
///
/// However it ends, the changes of what is watched are printed, and the state of every vCPU is dumped; where the guest
/// did not end itself, they are shown too.
fn run_vcpus(
    vm: &Vm,
    vcpus: Vec<Vcpu>,
    devices: &Arc<Devices>,
    events: &Events,
    wanted: &Wanted<'_>,
) -> Result<(Vec<Vcpu>, Outcome), Failure> {
    let notes = start_notes(&vcpus, wanted.watches)?;
    if let Some(metrics) = &wanted.metrics {
        let exits = notes.iter().map(|notes| Arc::clone(&notes.exits)).collect();
        metrics.watch(Counted { devices: Arc::clone(devices), exits });
    }
    let after_failure =
        if wanted.dump.is_some() { AfterFailure::Return } else { AfterFailure::Drop };
    let (vcpus, result) = threads::run(vcpus, devices, events, &notes, after_failure)?;
    if let Err(Stop::Crashed { index, .. }) = &result {
        crash::report(vm, &vcpus, wanted.cpus, *index);
    }
    let dumped = match &wanted.dump {
        Some(dump) if !matches!(result, Ok(Outcome::Reset)) => {
            dump.write(vm, &vcpus, wanted.cpus, &result)
        }
        _ => Ok(()),
    };
    print_traces(&notes)?;
    dumped?;
    Ok((vcpus, result?))
}

/// Starts the notes of every vCPU, with a trace where something is watched.
fn start_notes(vcpus: &[Vcpu], watches: &[Watch]) -> Result<Vec<Notes>, Failure> {
    let start = |vcpu: &Vcpu| match watches {
        [] => Ok(Notes::default()),
        _ => {
            let trace = Trace::start(&vcpu.registers(), watches)?;
            Ok(Notes { trace: Some(Arc::new(Mutex::new(trace))), ..Notes::default() })
        }
    };
    vcpus.iter().map(start).collect()
}

fn print_traces(notes: &[Notes]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let traces = notes.iter().filter_map(|notes| notes.trace.as_ref());
    traces.enumerate().try_for_each(|(index, trace)| {
        trace.lock().unwrap_or_else(PoisonError::into_inner).print(index, &mut out)
    })
}

/// Runs the built-in guest for the demo.
pub(crate) fn demo(kvm: &Path) -> Result<(), Failure> {
    let vm = Vm::new(kvm, Memory::Pages(16 << 20))?;
    let wanted = Wanted { cpus: 1, watches: &[], dump: None, metrics: None };
    run_built_in(&vm, Wishes::of(""), &wanted, Console::open(Path::new("stdio"))?, &Events::new()?)
}

/// Checks that the KVM device can be used.
pub(crate) fn check(kvm: &Path) -> Result<(), Failure> {
    vm::open(kvm).map(drop)
}

/// Reads the profile of a vCPU with the features of that list.
pub(crate) fn probe(kvm: &Path, features: &str) -> Result<Profile, Failure> {
    let vm = Vm::new(kvm, Memory::Pages(arch::MEMORY_MIN))?;
    let (vcpu, fd) = (vm.vcpu(0, features)?, vm.descriptor());
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
