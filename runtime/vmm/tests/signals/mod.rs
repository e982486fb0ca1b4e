//! Signals to the program.

use std::process::Command;

/// Sends a signal (`INT`) to the process of that number.
pub(crate) fn send(signal: &str, id: u32) {
    // The shell's own `kill`: the program of that name need not be there.
    let kill = format!("kill -{signal} {id}");
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}
