//! The compiler alone, on one file that uses `onereg`.

use std::process::Command;

use crate::command::run;
use crate::tables::root;

/// Where `onereg` is built for it, in the root of the repository.
const LIBRARY: &str = "target/library";

/// Builds `onereg` as a release does and returns a call of the compiler that knows it, in the root of the repository.
///
/// # Errors
///
/// Returns what cargo said.
pub fn rustc() -> Result<Command, String> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root()).args(["build", "--release", "--package", "onereg"]);
    run(cargo.args(["--features", "kvm", "--target-dir", LIBRARY]))?;
    let mut rustc = Command::new("rustc");
    rustc.current_dir(root()).args(["--edition=2024", "--crate-type=lib"]);
    rustc.arg(format!("--extern=onereg={LIBRARY}/release/libonereg.rlib"));
    rustc.arg(format!("-Ldependency={LIBRARY}/release/deps"));
    Ok(rustc)
}
