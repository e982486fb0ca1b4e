//! The program as a user runs it, for the tests of its commands.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

/// The program, without what the environment says of CI.
pub(crate) fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onereg-vmm"));
    command.args(args).env_remove("CI").stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    program(args).output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Says whether there is KVM; where there is none but `CI=true` promises it, fails.
pub(crate) fn has_kvm() -> bool {
    if Path::new("/dev/kvm").exists() {
        return true;
    }
    assert!(env::var_os("CI").is_none_or(|value| value != "true"), "CI=true promises /dev/kvm");
    println!("skipped: there is no /dev/kvm");
    false
}

/// Path of a file that a test may write.
pub(crate) fn temporary(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// A running program whose guest has printed its first line; it ends with the test, also one that fails.
pub(crate) struct Running(Child);

impl Running {
    /// Starts the built-in guest of two vCPUs, which waits; `options` come behind those.
    pub(crate) fn start(options: &[&str]) -> Running {
        let mut command = program(&["run", "--cpus", "2", "--cmdline", "wait"]);
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
        // The shell's own `kill`: the program of that name need not be there.
        let kill = format!("kill -{signal} {}", self.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
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
