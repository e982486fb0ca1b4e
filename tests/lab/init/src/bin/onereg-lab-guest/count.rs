//! What a guest does while it is moved from machine to machine: it counts, sleeps, and computes all the time.

use std::fs;
use std::hint;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use onereg_lab_init::COUNTS;

use crate::say;

/// How long the guest sleeps after a number.
const PAUSE: Duration = Duration::from_millis(100);

/// Steps of a computation.
const STEPS: usize = 20_000;

/// Counts, and has every CPU compute the same again and again: no result may be another one.
pub(crate) fn count() -> Result<String, String> {
    let kernel = identity()?;
    let cpus = thread::available_parallelism().map_or(1, NonZero::get);
    let over = AtomicBool::new(false);
    let results = thread::scope(|scope| {
        let workers: Vec<_> = (0..cpus).map(|_| scope.spawn(|| work(&over))).collect();
        for number in 1..=COUNTS {
            say(&format!("count {number}"));
            thread::sleep(PAUSE);
        }
        over.store(true, Ordering::Relaxed);
        workers.into_iter().map(|worker| worker.join().unwrap_or(false)).collect::<Vec<_>>()
    });
    match results.iter().all(|same| *same) && identity()? == kernel {
        true => Ok("every CPU computed the same until the end".to_owned()),
        false => Err(format!("it is not the guest that it was: {results:?}")),
    }
}

/// Returns what the kernel is called since it booted.
fn identity() -> Result<String, String> {
    let path = "/proc/sys/kernel/random/boot_id";
    fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))
}

/// Computes until it is over, and says whether the result never changed.
fn work(over: &AtomicBool) -> bool {
    let first = compute();
    while !over.load(Ordering::Relaxed) {
        if compute() != first {
            return false;
        }
    }
    true
}

/// Computes numbers of both kinds, all of which the slightest change on the way makes others.
fn compute() -> ([f64; 8], u64) {
    let mut numbers = hint::black_box([0.11, 0.22, 0.33, 0.44, 0.55, 0.66, 0.77, 0.88_f64]);
    let mut whole = hint::black_box(1_u64);
    for _ in 0..STEPS {
        for number in &mut numbers {
            *number *= 3.9 * (1.0 - *number);
        }
        whole = whole.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    }
    (numbers, whole)
}
