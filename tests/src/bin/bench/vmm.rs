//! The VMM against QEMU's machine for small guests, with the same kernel on this host's KVM.
//!
//! QEMU's guest begins in firmware, which takes its time where KVM emulates such code: what a VMM needs to get a guest to
//! run is the time of the threads that run no vCPU.

mod kernel;

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use onereg_lab_init::process::Process;
use onereg_tests::command::run as command;
use onereg_tests::tables;

/// Memory of every guest, in MiB.
const MEMORY: u64 = 128;

/// Runs of each, of which the best counts.
const RUNS: usize = 7;

/// What a run of the benchmark's kernel took.
#[derive(Clone, Copy)]
struct Costs {
    /// From the start of the program to the first byte on the console.
    start: Duration,
    /// Time of the processor until then, of the threads that run no vCPU.
    processor: Duration,
    /// Cycles of a write to a port, and of one to a device's memory.
    port: u32,
    memory: u32,
    /// Bytes in memory that are not the guest's.
    overhead: u64,
}

pub(crate) fn run() -> Result<(), String> {
    if !cfg!(target_arch = "x86_64") {
        println!("  skipped: only written for x86-64");
        return Ok(());
    }
    if let Err(error) = File::open("/dev/kvm") {
        println!("  skipped: /dev/kvm: {error}");
        return Ok(());
    }
    let mut build = Command::new("cargo");
    command(build.args(["build", "--quiet", "--release", "-p", "onereg-vmm"]))?;
    let vmm = tables::root().join("target/release/onereg-vmm");
    built_in(&vmm)?;
    let kernel = tables::root().join("target/bench/kernel.elf");
    write(&kernel, &kernel::elf())?;
    let ours = best(|| onereg(&vmm, &kernel))?;
    print("onereg-vmm", ours);
    match best(|| qemu(&kernel)) {
        Ok(theirs) => {
            print("qemu -M microvm", theirs);
            compare(ours, theirs);
        }
        Err(error) => println!("  not compared with QEMU: {error}"),
    }
    Ok(())
}

/// Measures the built-in guest until it has printed its line.
fn built_in(vmm: &Path) -> Result<(), String> {
    let (mut processor, mut overhead) = (Duration::MAX, u64::MAX);
    for _ in 0..RUNS {
        let mut program = Command::new(vmm);
        program.args(["run", "--cmdline", "wait", "--memory", &format!("{MEMORY}M")]);
        let process = Process::start(&mut program)?;
        process.wait_for(b'\n')?;
        let [all, _] = process.processor()?;
        processor = processor.min(all);
        overhead = overhead.min(process.overhead(MEMORY << 20)?);
    }
    println!(
        "  built-in guest: {:.1} ms of the processor to its first line (target: 8, to its first instruction), {:.1} MiB beside the guest's {MEMORY} (target: 5)",
        milliseconds(processor),
        mebibytes(overhead)
    );
    Ok(())
}

fn onereg(vmm: &Path, kernel: &Path) -> Command {
    let mut program = Command::new(vmm);
    program.args(["run", "--transport", "mmio", "--memory", &format!("{MEMORY}M"), "--kernel"]);
    program.arg(kernel);
    program
}

fn qemu(kernel: &Path) -> Command {
    let mut program = Command::new("qemu-system-x86_64");
    program.args(["-M", "microvm,pit=off,pic=on,rtc=off,isa-serial=on,auto-kernel-cmdline=off"]);
    program.args(["-accel", "kvm", "-cpu", "host", "-m", &MEMORY.to_string(), "-nodefaults"]);
    program.args(["-display", "none", "-name", "bench,debug-threads=on"]);
    program.args(["-serial", "stdio", "-monitor", "none"]);
    program.args(["-device", "virtio-rng-device", "-kernel"]).arg(kernel);
    program
}

/// Returns the least of each cost.
fn best(program: impl Fn() -> Command) -> Result<Costs, String> {
    let mut best = measure(&mut program())?;
    for _ in 1..RUNS {
        let costs = measure(&mut program())?;
        best = Costs {
            start: best.start.min(costs.start),
            processor: best.processor.min(costs.processor),
            port: best.port.min(costs.port),
            memory: best.memory.min(costs.memory),
            overhead: best.overhead.min(costs.overhead),
        };
    }
    Ok(best)
}

/// Runs the benchmark's kernel, which ends in a halt.
fn measure(program: &mut Command) -> Result<Costs, String> {
    let begin = Instant::now();
    let process = Process::start(program)?;
    process.wait_for(kernel::STARTED)?;
    let start = begin.elapsed();
    let [_, processor] = process.processor()?;
    process.wait_for(b'\n')?;
    let [port, memory] =
        [process.number()?, process.number()?].map(|cycles| cycles / kernel::WRITES);
    Ok(Costs { start, processor, port, memory, overhead: process.overhead(MEMORY << 20)? })
}

fn print(name: &str, costs: Costs) {
    println!(
        "  {name}: {:.1} ms to the kernel, {:.1} ms of the processor beside the vCPU, {} cycles a write to a port, {} to a device's memory, {:.1} MiB beside the guest's {MEMORY}",
        milliseconds(costs.start),
        milliseconds(costs.processor),
        costs.port,
        costs.memory,
        mebibytes(costs.overhead),
    );
}

fn compare(ours: Costs, theirs: Costs) {
    let of = |ours: Duration, theirs| crate::best::ratio(ours, theirs);
    println!(
        "  of QEMU's: start {:.3} (target: 1), processor {:.2} (target: 0.5), a write to a port {:.2}, to a device's memory {:.2}, memory {:.2}",
        of(ours.start, theirs.start),
        of(ours.processor, theirs.processor),
        f64::from(ours.port) / f64::from(theirs.port),
        f64::from(ours.memory) / f64::from(theirs.memory),
        ours.overhead as f64 / theirs.overhead as f64,
    );
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    path.parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(path, bytes))
        .map_err(|error| format!("{}: {error}", path.display()))
}
