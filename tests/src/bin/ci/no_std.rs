//! `onereg` without its default features, linked into a program without `std`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use onereg_tests::command::run;

use crate::Context;

/// The program; see there why it proves something on any target.
const PROGRAM: &str = "tests/no_std/bare.rs";

/// Where these builds go, and those of single features.
pub(crate) const OUTPUT: &str = "target/no_std";

/// Builds the program for a target without an operating system, where the toolchain has one, else for the host.
pub(crate) fn check(_: &Context) -> Result<String, String> {
    let target = bare_target()?;
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--package", "onereg", "--no-default-features", "--target-dir", OUTPUT]);
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition=2024", "--crate-type=staticlib", "-Cpanic=abort"]);
    let mut library = PathBuf::from(OUTPUT);
    if let Some(target) = &target {
        cargo.args(["--target", target]);
        rustc.args(["--target", target]);
        library.push(target);
    }
    library.push("debug/libonereg.rlib");
    run(&mut cargo)?;
    rustc.arg("--extern").arg(format!("onereg={}", library.display()));
    run(rustc.arg("--out-dir").arg(OUTPUT).arg(PROGRAM))?;
    let target = target.as_deref().unwrap_or("the host, as the toolchain has no bare target");
    Ok(format!("built {PROGRAM} for {target}"))
}

/// Finds a target without an operating system among those that the toolchain can build for.
fn bare_target() -> Result<Option<String>, String> {
    let sysroot = run(Command::new("rustc").args(["--print", "sysroot"]))?;
    let folder = Path::new(sysroot.trim()).join("lib/rustlib");
    let targets =
        fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let names = targets.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    // Beside the folders stand the files that say what the installer put into them.
    Ok(names.filter(|name| name.contains("-none") && folder.join(name).is_dir()).min())
}
