//! What a guest costs: a run of it, and its figures.

use std::fs;
use std::time::{Duration, Instant};

use onereg_lab_init::process::Process;
use onereg_lab_init::{GUEST, HOST_ADDRESS, TASKS, WRITES, network};

use crate::vmms::{DISK, MEMORY, TAP, Vmm};

/// Bytes of the disk.
const DISK_LENGTH: usize = 32 << 20;

/// What the guest does when the host has measured its start, each with a line that ends in its time.
const WORK: [&str; 4] = ["write", "read", "net", "exits"];

/// The figures of a run, with the targets of those that have one.
pub(crate) const FIGURES: [&str; 9] = [
    "start of the program to init, ms (target: 1.00)",
    "user space until then, ms (target: 0.50)",
    "processor without the vCPU until then, ms",
    "memory beside the guest's then, KiB (target: 5120 KiB)",
    "to write a disk of 32 MiB, ms",
    "to read it, ms",
    "to send 4 MiB to the host and have them back, ms",
    "a write to a register of a device, us",
    "memory beside the guest's at the end, KiB",
];

/// Values of the figures: less is better.
pub(crate) type Figures = [f64; FIGURES.len()];

/// Runs a guest and measures it.
pub(crate) fn measure(vmm: &Vmm) -> Result<Figures, String> {
    // Both find all of the disk in memory.
    fs::write(DISK, vec![0; DISK_LENGTH]).map_err(|error| format!("{DISK}: {error}"))?;
    let work = WORK.join(",");
    let cmdline = format!("quiet cma=0 iomem=relaxed {TASKS}pause,{work},pause");
    let mut command = (vmm.command)(&cmdline)?;
    let begin = Instant::now();
    let mut process = Process::start(&mut command)?;
    said(&process)?;
    let start = milliseconds(begin.elapsed());
    let user = milliseconds(process.user()?);
    let [_, processor] = process.processor()?.map(milliseconds);
    let first = kibibytes(&process)?;
    network::set_address(TAP, HOST_ADDRESS).map_err(|error| format!("{TAP}: {error}"))?;
    process.write("\n")?;
    said(&process)?;
    let mut times = [0.0; WORK.len()];
    for time in &mut times {
        *time = milliseconds(time_in(&said(&process)?)?);
    }
    let [write, read, net, exits] = times;
    let exit = exits * 1e3 / f64::from(WRITES);
    Ok([start, user, processor, first, write, read, net, exit, kibibytes(&process)?])
}

/// Returns the next line of the guest's first process.
fn said(process: &Process) -> Result<String, String> {
    loop {
        if let Some(said) = process.line()?.strip_prefix(GUEST) {
            return Ok(said.to_owned());
        }
    }
}

/// Takes the time from the end of a line.
fn time_in(line: &str) -> Result<Duration, String> {
    let number = line.strip_suffix(" us").and_then(|line| line.rsplit(' ').next()?.parse().ok());
    number.map(Duration::from_micros).ok_or_else(|| format!("the guest says `{line}`"))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn kibibytes(process: &Process) -> Result<f64, String> {
    Ok(process.overhead(MEMORY << 20)? as f64 / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_what_a_line_ends_in() {
        assert_eq!(time_in("reads all 4 bytes in 1500 us").map(milliseconds), Ok(1.5));
        let failed = time_in("failed: eth0: No such device");
        assert_eq!(failed, Err("the guest says `failed: eth0: No such device`".to_owned()));
    }
}
