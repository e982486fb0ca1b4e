//! What a guest does while a balloon takes its memory.

use std::fs;
use std::hint;
use std::thread;
use std::time::{Duration, Instant};

use onereg_lab_init::BALLOON;

/// Bytes that the guest uses.
const USED: usize = 128 << 20;

/// How long each step may take, and how long memory is used, so that the host can see it.
const PATIENCE: Duration = Duration::from_secs(100);
const USE: Duration = Duration::from_secs(5);

/// Uses memory and frees it, waits until the balloon has what it is to have and gives it back, and uses memory again.
pub(crate) fn squeezed() -> Result<String, String> {
    let all = total()?;
    use_memory();
    wait("the balloon takes too little", |total| total + BALLOON <= all)?;
    wait("the balloon gives too little back", |total| total == all)?;
    use_memory();
    Ok("the balloon took its memory and gave it back".to_owned())
}

/// Writes to memory, page by page, and keeps it for a time.
fn use_memory() {
    let used = hint::black_box(vec![1_u8; USED]);
    thread::sleep(USE);
    drop(used);
}

fn wait(what: &str, is_it: impl Fn(u64) -> bool) -> Result<(), String> {
    let start = Instant::now();
    loop {
        let total = total()?;
        if is_it(total) {
            return Ok(());
        }
        if PATIENCE < start.elapsed() {
            return Err(format!("{what}: there are {total} bytes"));
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// Returns how many bytes of memory there are without those of the balloon.
fn total() -> Result<u64, String> {
    let memory = fs::read_to_string("/proc/meminfo").map_err(|error| error.to_string())?;
    let line = memory.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes.map(|kilobytes| kilobytes * 1024).ok_or_else(|| "MemTotal is missing".to_owned())
}
