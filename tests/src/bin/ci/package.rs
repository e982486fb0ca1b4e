//! Packaging: every crate builds from its package.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

use onereg_tests::command::run;

use crate::Context;

/// Packages all crates and builds each from its package.
pub(crate) fn check(context: &Context) -> Result<String, String> {
    forget_earlier_packages();
    let mut cargo = Command::new("cargo");
    cargo.args(["package", "--workspace", "--exclude", "onereg-tests"]);
    if !context.ci {
        cargo.arg("--allow-dirty");
    }
    run(&mut cargo).map(|_| String::new())
}

/// Removes what cargo unpacked of these crates in an earlier run.
///
/// Crates that depend on each other are built from a registry that cargo makes for the occasion, and unpacked into its
/// home. That copy is found again by path and version, so an older one would be built in place of the present one.
fn forget_earlier_packages() {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
    let Some(sources) = home.map(|home| home.join("registry/src")) else { return };
    let folders = |path: PathBuf, prefix: &'static str| {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        entries
            .filter(move |entry| entry.file_name().to_string_lossy().starts_with(prefix))
            .map(|entry| entry.path())
    };
    // A registry of the local disk has no host before the hyphen.
    for copy in folders(sources, "-").flat_map(|registry| folders(registry, "onereg")) {
        // One that cannot be removed shows as a build that fails.
        let _ = fs::remove_dir_all(copy);
    }
}
