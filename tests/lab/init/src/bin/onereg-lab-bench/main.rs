//! Compares the VMM of this workspace with QEMU: both run the same guest in turns, in a host of the lab. An argument says
//! how often each does; of every figure the least counts.

mod costs;
mod vmms;

use std::env;
use std::env::consts::ARCH;
use std::process::ExitCode;

use onereg_lab_init::{network, system};

use crate::costs::{FIGURES, Figures, measure};
use crate::vmms::{DISK, VMMS};

/// Memory for the disk, in bytes.
const ROOM: u64 = 64 << 20;

fn main() -> ExitCode {
    match compare() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("onereg-lab-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare() -> Result<(), String> {
    let times = env::args().nth(1).map_or(Ok(1), |word| word.parse::<u32>());
    let times = times.map_err(|error| format!("how often each VMM runs: {error}"))?;
    let folder = DISK.rsplit_once('/').map_or(DISK, |(folder, _)| folder);
    system::mount_memory(folder, ROOM).map_err(|error| format!("{folder}: {error}"))?;
    network::serve().map_err(|error| format!("cannot listen in a network of its own: {error}"))?;
    let mut best = [[f64::MAX; FIGURES.len()]; VMMS.len()];
    for _ in 0..times {
        for (vmm, best) in VMMS.iter().zip(&mut best) {
            let figures = measure(vmm).map_err(|error| format!("{}: {error}", vmm.name))?;
            *best = least(*best, figures);
        }
    }
    let [ours, theirs] = VMMS.map(|vmm| vmm.name);
    println!("{:54} {ours:>10} {theirs:>10} ratio", format!("{ARCH}, the least of {times}"));
    let [ours, theirs] = best;
    for (name, (ours, theirs)) in FIGURES.iter().zip(ours.iter().zip(theirs)) {
        println!("{name:54} {ours:10.1} {theirs:10.1} {:5.2}", ours / theirs);
    }
    Ok(())
}

fn least(a: Figures, b: Figures) -> Figures {
    std::array::from_fn(|index| a[index].min(b[index]))
}
