//! What a guest does with its source of entropy.

use std::fs::{self, File};
use std::io::Read;

/// Names the kernel's source, and reads it twice.
pub(crate) fn read() -> Result<String, String> {
    const CURRENT: &str = "/sys/class/misc/hw_random/rng_current";
    const DEVICE: &str = "/dev/hwrng";
    let source = fs::read_to_string(CURRENT).map_err(|error| format!("{CURRENT}: {error}"))?;
    let mut bytes = [[0; 64]; 2];
    for bytes in &mut bytes {
        let read = File::open(DEVICE).and_then(|mut device| device.read_exact(bytes));
        read.map_err(|error| format!("{DEVICE}: {error}"))?;
    }
    let [first, second] = bytes;
    if first == second {
        return Err(format!("{DEVICE} gives the same bytes twice"));
    }
    Ok(format!("entropy from {}", source.trim_end()))
}
