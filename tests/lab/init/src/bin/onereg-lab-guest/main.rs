//! The first process of a guest in a host: says what the guest found, does its tasks, and ends, as the kernel's command
//! line says.

mod balloon;
mod clock;
mod count;
mod cpus;
mod disk;
mod entropy;
mod exits;
mod net;
mod sockets;
mod transfer;

use std::fs;
use std::io::{self, BufRead};
use std::time::{SystemTime, UNIX_EPOCH};

use onereg_lab_init::{END, GUEST, TASKS, modules, system};

fn main() {
    let found = prepare().unwrap_or_else(|error| format!("failed: {error}"));
    say(&found);
    let cmdline = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    let value = |key| cmdline.split_whitespace().find_map(|word| word.strip_prefix(key));
    if let Some(tasks) = value(TASKS) {
        work(tasks);
    }
    match value(END) {
        Some("panic") => return,
        Some("restart") => system::restart(),
        Some("echo") => echo(),
        _ => {}
    }
    system::power_off();
}

/// Mounts the kernel's file systems and says which CPUs are online, how much memory there is, what year it is, and which
/// interrupt controllers a device tree has.
fn prepare() -> io::Result<String> {
    for (kind, folder) in [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")] {
        system::mount(kind, folder)?;
    }
    let cpus = fs::read_to_string("/sys/devices/system/cpu/online")?;
    let memory = fs::read_to_string("/proc/meminfo")?;
    let total = memory.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let total = total.unwrap_or_default().trim_start();
    let time = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
    let year = 1970 + time.as_secs() / 31_556_952;
    let found = format!("CPUs {}, memory {total}, year {year}", cpus.trim_end());
    Ok([vec![found], controllers()?].concat().join(", "))
}

/// Lists what the interrupt controllers of the device tree are, if there is one.
fn controllers() -> io::Result<Vec<String>> {
    let Ok(tree) = fs::read_dir("/proc/device-tree") else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for node in tree {
        let node = node?;
        if node.file_name().as_encoded_bytes().starts_with(b"interrupt-controller@") {
            let kinds = fs::read_to_string(node.path().join("compatible"))?;
            found.extend(kinds.split('\0').next().map(ToOwned::to_owned));
        }
    }
    found.sort();
    Ok(found)
}

/// Loads the drivers, does tasks in their order, and says what came of each.
fn work(tasks: &str) {
    if let Err(error) = modules::load() {
        return say(&format!("failed: {error}"));
    }
    for name in tasks.split(',') {
        let done = match name {
            "keep" => disk::keep(),
            "refused" => disk::refused(),
            "fill" => disk::fill(),
            "shrunk" => disk::shrunk(),
            "entropy" => entropy::read(),
            "net" => net::talk(),
            "sockets" => sockets::talk(),
            "clock" => clock::compare(),
            "cpus" => cpus::meet(),
            "balloon" => balloon::squeezed(),
            "pause" => pause(),
            "write" => transfer::write(),
            "read" => transfer::read(),
            "exits" => exits::measure(),
            "count" => count::count(),
            _ => Err(format!("there is no task {name}")),
        };
        say(&done.unwrap_or_else(|error| format!("failed: {error}")));
    }
}

/// Prints a line to its end.
fn say(what: &str) {
    println!("{GUEST}{what}");
    system::drain();
}

/// Waits for a line of input.
fn pause() -> Result<String, String> {
    io::stdin().lock().skip_until(b'\n').map_err(|error| format!("input: {error}"))?;
    Ok("goes on".to_owned())
}

/// Sends a line of input back, in capitals so that no terminal's echo can pass for it.
fn echo() {
    let mut line = String::new();
    match io::stdin().lock().read_line(&mut line) {
        Ok(_) => say(&line.trim_end().to_uppercase()),
        Err(error) => say(&format!("failed: {error}")),
    }
}
