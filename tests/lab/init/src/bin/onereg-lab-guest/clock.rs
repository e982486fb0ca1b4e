//! The hardware clock.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds that the clock may differ by: it has no parts of them, and reading takes time.
const SLACK: u64 = 2;

/// Compares the first clock that the kernel found with its time.
pub(crate) fn compare() -> Result<String, String> {
    let path = "/sys/class/rtc/rtc0/since_epoch";
    let shown = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let shown: u64 = shown.trim().parse().map_err(|error| format!("{path}: {shown}: {error}"))?;
    let time = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?;
    match time.as_secs().abs_diff(shown) {
        0..=SLACK => Ok("the clock shows the time".to_owned()),
        apart => Err(format!("the clock and the time are {apart} s apart")),
    }
}
