//! The host's part of a guest's balloon: other targets, and what the VMM has in memory then.

use std::fs;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::thread;
use std::time::Duration;

use onereg_lab_init::BALLOON;
use serde_json::Value;

use crate::beside::Beside;

/// The VMM's socket, and its file of metrics.
const SOCKET: &str = "/balloon";
const METRICS: &str = "/metrics";

/// Bytes that the VMM has in memory, at least while the guest uses its own, and at most while the balloon has it.
const FULL: u64 = 160 << 20;
const EMPTY: u64 = 136 << 20;

/// How often the metrics are read: as often as they are written.
const INTERVAL: Duration = Duration::from_secs(1);

/// Fills the balloon once the guest has used its memory and reported it free, as there is no room for both, and empties
/// it once the VMM has less in memory.
pub(crate) fn squeeze() -> Result<Beside, String> {
    match fs::remove_file(METRICS) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(format!("cannot remove {METRICS}: {error}"))
        }
        _ => Ok(Beside::start(SOCKET, squeeze_guest)),
    }
}

fn squeeze_guest() -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    wait(|actual, resident| actual == 0 && FULL <= resident);
    wait(|_, resident| resident < FULL);
    socket.send_to(BALLOON.to_string().as_bytes(), SOCKET)?;
    wait(|actual, resident| actual == BALLOON && resident <= EMPTY);
    socket.send_to(b"0", SOCKET)?;
    wait(|actual, resident| actual == 0 && FULL <= resident);
    Ok(())
}

/// Waits for a line of the metrics: how much the balloon has, and how much of the VMM is in memory.
fn wait(is_it: impl Fn(u64, u64) -> bool) {
    let last = || {
        let text = fs::read_to_string(METRICS).ok()?;
        let (whole, _) = text.rsplit_once('\n')?;
        let line: Value = serde_json::from_str(whole.lines().next_back()?).ok()?;
        Some((line["balloon"]["actual"].as_u64()?, line["memory"]["resident"].as_u64()?))
    };
    while !last().is_some_and(|(actual, resident)| is_it(actual, resident)) {
        thread::sleep(INTERVAL);
    }
}
