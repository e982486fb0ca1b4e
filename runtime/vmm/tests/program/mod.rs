//! The program as a user runs it, for the tests of its commands.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

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
