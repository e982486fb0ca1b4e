//! What a guest does with its CPUs.

use std::fs;
use std::sync::Barrier;
use std::thread;

use onereg_lab_init::system;

/// Has a thread on every CPU, each of which waits until all are there.
pub(crate) fn meet() -> Result<String, String> {
    const ONLINE: &str = "/sys/devices/system/cpu/online";
    let online = fs::read_to_string(ONLINE).map_err(|error| format!("{ONLINE}: {error}"))?;
    let last = online.trim_end().rsplit(['-', ',']).next().unwrap_or_default();
    let last: usize = last.parse().map_err(|error| format!("{ONLINE}: {error}"))?;
    let all = Barrier::new(last + 1);
    let work = |cpu| {
        let moved = system::move_to(cpu);
        all.wait();
        moved.map_err(|error| format!("CPU {cpu}: {error}"))?;
        match system::cpu() {
            found if found == Some(cpu) => Ok(()),
            found => Err(format!("CPU {cpu} is {found:?}")),
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..=last).map(|cpu| scope.spawn(move || work(cpu))).collect();
        threads.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| Err("a thread panicked".to_owned()))
        })
    })?;
    Ok(format!("a thread on each of {} CPUs has met all others", last + 1))
}
