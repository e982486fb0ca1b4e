//! The best of several measurements.

use std::time::{Duration, Instant};

/// Returns the shortest time that `work` took.
pub(crate) fn of<T>(times: u32, mut work: impl FnMut() -> T) -> Duration {
    let measure = |_| {
        let start = Instant::now();
        std::hint::black_box(work());
        start.elapsed()
    };
    (0..times).map(measure).min().unwrap_or_default()
}

/// How many times `other` goes into `time`.
pub(crate) fn ratio(time: Duration, other: Duration) -> f64 {
    time.as_secs_f64() / other.as_secs_f64().max(1e-9)
}
