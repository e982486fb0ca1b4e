//! Packaging: every crate builds from its package.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

use onereg_tests::command::run;

use crate::Context;

const OUTPUT: &str = "target/packages";

/// Packages that stay in this workspace and depend on others that do.
const UNPUBLISHED: &[&str] = &["onereg-tests", "onereg-lab", "onereg-lab-init", "onereg-lab-move"];

/// Packages all crates and builds each from its package.
pub(crate) fn check(context: &Context) -> Result<String, String> {
    forget_earlier_packages();
    let mut cargo = Command::new("cargo");
    cargo.args(["package", "--workspace", "--target-dir", OUTPUT]);
    cargo.args(UNPUBLISHED.iter().flat_map(|package| ["--exclude", package]));
    if !context.ci {
        cargo.arg("--allow-dirty");
    }
    run(&mut cargo).map(|_| String::new())
}

/// Removes what cargo unpacked and built of these crates in an earlier run.
///
/// Crates that depend on each other are built from a registry that cargo makes for the occasion, and unpacked into its
/// home. Both the copy and what was built of it are found again by path and version, so an older one would stand in
/// place of the present one.
fn forget_earlier_packages() {
    // What cannot be removed here and below shows as a build that fails.
    let _ = fs::remove_dir_all(OUTPUT);
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
        let _ = fs::remove_dir_all(copy);
    }
}
