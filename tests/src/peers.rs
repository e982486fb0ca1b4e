//! Generators of others, installed below `target/` to be compared with.

use std::path::PathBuf;
use std::process::Command;

use crate::command::run;
use crate::tables::root;

/// Where programs are installed and what they write lies.
pub fn folder() -> PathBuf {
    root().join("target/bench/peers")
}

/// Installs a package of the Rust registry where it is not yet, and returns its program.
///
/// # Errors
///
/// Says what cargo said.
pub fn install(package: &str, version: &str, program: &str) -> Result<PathBuf, String> {
    let path = folder().join("bin").join(program);
    if !path.exists() {
        let mut cargo = Command::new("cargo");
        cargo.args(["install", "--quiet", "--locked", package, "--version", version, "--root"]);
        run(cargo.arg(folder()))?;
    }
    Ok(path)
}
