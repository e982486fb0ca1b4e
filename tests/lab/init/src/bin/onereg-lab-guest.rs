//! The first process of a guest in a host: says what the guest found, and ends as the kernel's command line says.

use std::fs;
use std::io::{self, BufRead};
use std::time::{SystemTime, UNIX_EPOCH};

use onereg_lab_init::{END, GUEST, system};

fn main() {
    let found = prepare().unwrap_or_else(|error| format!("failed: {error}"));
    say(&found);
    let cmdline = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    match cmdline.split_whitespace().find_map(|word| word.strip_prefix(END)) {
        Some("panic") => return,
        Some("restart") => system::restart(),
        Some("echo") => echo(),
        _ => {}
    }
    system::power_off();
}

/// Mounts the kernel's file systems and says which CPUs are online, how much memory there is, and what year it is.
fn prepare() -> io::Result<String> {
    for (kind, folder) in [("proc", "/proc"), ("sysfs", "/sys")] {
        system::mount(kind, folder)?;
    }
    let cpus = fs::read_to_string("/sys/devices/system/cpu/online")?;
    let memory = fs::read_to_string("/proc/meminfo")?;
    let total = memory.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let total = total.unwrap_or_default().trim_start();
    let time = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
    let year = 1970 + time.as_secs() / 31_556_952;
    Ok(format!("CPUs {}, memory {total}, year {year}", cpus.trim_end()))
}

/// Prints a line to its end.
fn say(what: &str) {
    println!("{GUEST}{what}");
    system::drain();
}

/// Sends a line of input back, in capitals so that no terminal's echo can pass for it.
fn echo() {
    let mut line = String::new();
    match io::stdin().lock().read_line(&mut line) {
        Ok(_) => say(&line.trim_end().to_uppercase()),
        Err(error) => say(&format!("failed: {error}")),
    }
}
