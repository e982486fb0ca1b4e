//! `--timings`: when the start of a guest reached which point.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A point that every start passes, in their order.
#[derive(Debug, Clone, Copy)]
pub(super) enum Point {
    /// The guest's memory has what it boots from.
    Loaded,
    /// The first vCPU enters the guest.
    FirstInstruction,
    /// The guest has printed something.
    FirstByte,
    /// The guest has printed a line that is not its kernel's: its first process runs.
    Init,
}

const NAMES: [&str; 4] = ["loaded", "first instruction", "first console byte", "init"];

/// When the program began, and when each point was reached first.
struct Clock {
    start: OnceLock<Instant>,
    points: [OnceLock<Duration>; NAMES.len()],
}

static CLOCK: Clock =
    Clock { start: OnceLock::new(), points: [const { OnceLock::new() }; NAMES.len()] };

/// Sets the moment that times are counted from.
pub(super) fn start(program: Instant) {
    CLOCK.start.get_or_init(|| program);
}

/// Notes that a point is reached; only the first time counts.
pub(super) fn reach(point: Point) {
    let time = &CLOCK.points[point as usize];
    if time.get().is_none() {
        time.get_or_init(|| CLOCK.start.get().map(Instant::elapsed).unwrap_or_default());
    }
}

/// Prints the points that were reached.
pub(super) fn print() {
    let times = NAMES.iter().zip(&CLOCK.points);
    let reached = times.filter_map(|(name, time)| Some((name, time.get()?.as_micros())));
    let lines = reached.map(|(name, time)| format!("onereg-vmm: {time:>10} us to {name}\n"));
    let _ = io::stderr().write_all(lines.collect::<String>().as_bytes());
}
