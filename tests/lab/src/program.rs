//! Programs of this workspace: found by name, built for a host, statically linked.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use onereg_tests::command::{line, run};
use serde_json::Value;

use crate::failure::Failure;
use crate::hosts::Host;

/// Where builds for hosts go, in a folder per target: cargo rebuilds what runs on this machine, such as build scripts,
/// when targets that share it take turns.
pub const OUTPUT: &str = "target/lab";

/// A binary target.
pub struct Program {
    name: String,
    package: String,
}

/// Returns the folder of the workspace.
pub fn workspace() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package).to_owned()
}

/// Finds the program `name`.
///
/// # Errors
///
/// Lists the programs that there are.
pub fn find(name: &str) -> Result<Program, Failure> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(workspace()).args(["metadata", "--no-deps", "--format-version=1"]);
    let metadata = run(&mut cargo)?;
    let metadata: Value = serde_json::from_str(&metadata)
        .map_err(|error| format!("cannot read what `{}` wrote: {error}", line(&cargo)))?;
    let mut programs = programs(&metadata);
    let known: Vec<String> = programs.iter().map(|program| program.name.clone()).collect();
    programs.retain(|program| program.name == name);
    programs.pop().ok_or_else(|| {
        Failure::Usage(format!("this workspace has no program {name}; it has {}", known.join(", ")))
    })
}

/// Lists the binary targets in cargo's description of the workspace.
fn programs(metadata: &Value) -> Vec<Program> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut programs = Vec::new();
    for package in list(&metadata["packages"]) {
        for target in list(&package["targets"]) {
            if list(&target["kind"]).iter().any(|kind| kind == "bin") {
                let program =
                    Program { name: text(&target["name"]), package: text(&package["name"]) };
                programs.push(program);
            }
        }
    }
    programs
}

impl Program {
    /// Builds the program for `host` and returns its file; what cargo says goes to stderr.
    ///
    /// # Errors
    ///
    /// Names the command that failed.
    pub fn build(&self, host: &Host) -> Result<PathBuf, String> {
        let mut cargo = Command::new("/usr/bin/cargo");
        cargo.current_dir(workspace()).args(["build", "--quiet", "--release"]);
        let output = Path::new(OUTPUT).join(host.target);
        cargo.arg("--target-dir").arg(&output).args(["--target", host.target]);
        cargo.args(["--package", &self.package, "--bin", &self.name]);
        if !host.has_std {
            cargo.arg("-Zbuild-std=std");
        }
        // What the cargo that runs the lab sets for its own toolchain must not reach the other one.
        for variable in ["RUSTUP_TOOLCHAIN", "CARGO_ENCODED_RUSTFLAGS", "LD_LIBRARY_PATH"] {
            cargo.env_remove(variable);
        }
        let target = host.target.to_uppercase().replace('-', "_");
        cargo.env(format!("CARGO_TARGET_{target}_LINKER"), host.linker);
        cargo.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1");
        cargo.env("RUSTFLAGS", "-Ctarget-feature=+crt-static");
        let status = cargo.stdin(Stdio::null()).stdout(Stdio::null()).status();
        let status = status.map_err(|error| format!("cannot run `{}`: {error}", line(&cargo)))?;
        if !status.success() {
            return Err(format!("`{}` failed ({status})", line(&cargo)));
        }
        Ok(workspace().join(output).join(host.target).join("release").join(&self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_the_binary_targets_of_every_package() {
        let text = r#"{"packages": [
            {"name": "a", "targets": [{"name": "a", "kind": ["lib"]}, {"name": "x", "kind": ["bin"]}]},
            {"name": "b", "targets": [{"name": "t", "kind": ["test"]}, {"name": "y", "kind": ["bin"]}]}
        ]}"#;
        let metadata = serde_json::from_str(text).expect("JSON");
        let found: Vec<_> = programs(&metadata).into_iter().map(|p| (p.package, p.name)).collect();
        assert_eq!(found, [("a".into(), "x".into()), ("b".into(), "y".into())]);
    }

    #[test]
    fn a_program_that_does_not_exist_is_wrong_usage() {
        let failure = find("no-such-program").err().expect("a failure");
        assert_eq!(failure.status(), 2);
        assert!(failure.message().contains("onereg-vmm"), "{}", failure.message());
    }
}
