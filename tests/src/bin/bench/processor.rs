//! Time of the processor.

use std::fs;
use std::time::Duration;

/// Returns the user time of all child processes that have ended: field 16 of /proc/self/stat, in hundredths of a second.
pub(crate) fn of_children() -> Result<Duration, String> {
    let path = "/proc/self/stat";
    let stat = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    // The second field, a name in parentheses, may hold blanks.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().nth(13).and_then(|field| field.parse().ok());
    ticks
        .map(|ticks: u64| Duration::from_millis(ticks * 10))
        .ok_or_else(|| format!("{path} has no field 16"))
}
