//! A guest that runs until a test ends it.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ExitStatus, Stdio};

use crate::program::program;
use crate::signals;

/// A running program whose guest has printed its first line; it ends with the test, also one that fails.
pub(crate) struct Running(Child);

impl Running {
    /// Starts the built-in guest of two vCPUs, which waits; `options` come behind those.
    pub(crate) fn start(options: &[&str]) -> Running {
        Running::with_cpus(2, options)
    }

    /// Likewise, of that many vCPUs.
    pub(crate) fn with_cpus(cpus: u16, options: &[&str]) -> Running {
        let mut command = program(&["run", "--cpus", &cpus.to_string(), "--cmdline", "wait"]);
        command.args(options).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = Running(command.spawn().unwrap());
        let mut line = String::new();
        BufReader::new(running.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert!(line.ends_with(" built-in guest\n"), "{line}");
        running
    }

    /// Returns the number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Sends a signal (`INT`) and returns how the process ended and what it wrote to stderr.
    pub(crate) fn end_by(mut self, signal: &str) -> (ExitStatus, String) {
        signals::send(signal, self.id());
        let mut said = String::new();
        self.0.stderr.as_mut().unwrap().read_to_string(&mut said).unwrap();
        (self.0.wait().unwrap(), said)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already where the test did not fail.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
