//! Features of `onereg`: each architecture alone, with and without `kvm`, and all of them where none is named.

use std::path::Path;
use std::process::Command;

use onereg_tests::command::{run, run_with};
use onereg_tests::tables::ARCHS;
use serde_json::Value;

use crate::{Context, no_std};

/// Checks every combination, and by a program which architectures it has.
pub(crate) fn check(_: &Context) -> Result<String, String> {
    for kvm in ["", ",kvm"] {
        for (position, arch) in ARCHS.iter().enumerate() {
            let features = format!("{arch}{kvm}");
            let library = compile(&features)?;
            program(&library, &has(&[arch])).map_err(|error| format!("{features}: {error}"))?;
            let other = ARCHS[(position + 1) % ARCHS.len()];
            refuses(&library, other).map_err(|error| format!("{features}: {error}"))?;
        }
        program(&compile(kvm)?, &has(ARCHS))
            .map_err(|error| format!("no architecture: {error}"))?;
    }
    Ok(String::new())
}

/// Type checks `onereg` with these features and returns its library; a warning is an error.
fn compile(features: &str) -> Result<String, String> {
    let mut cargo = Command::new("cargo");
    cargo.args(["rustc", "--package", "onereg", "--no-default-features", "--features", features]);
    cargo.args(["--lib", "--profile", "check", "--target-dir", no_std::OUTPUT]);
    cargo.args(["--message-format", "json-render-diagnostics", "--", "--deny=warnings"]);
    let output = run(&mut cargo)?;
    let mut messages = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let library = messages.find(|it| it["target"]["name"] == "onereg");
    let path = library.as_ref().and_then(|it| it["filenames"][0].as_str());
    path.map(str::to_owned).ok_or_else(|| format!("{features}: cargo names no library"))
}

/// A program that compiles where the library has these architectures, and no others.
fn has(archs: &[&str]) -> String {
    let uses = archs.iter().map(|arch| format!("pub use onereg::{arch};\n"));
    let count = format!("const _: () = assert!(onereg::TABLES.len() == {});\n", archs.len());
    uses.chain([count]).collect()
}

/// Makes sure that a program is told the feature of an architecture that the library lacks.
fn refuses(library: &str, arch: &str) -> Result<(), String> {
    match program(library, &format!("pub use onereg::{arch};")) {
        Err(said) if said.contains(&format!("feature = \"{arch}\"")) => Ok(()),
        Err(said) => Err(format!("the feature `{arch}` is not named: {said}")),
        Ok(()) => Err(format!("it has {arch}, which no feature names")),
    }
}

/// Type checks a program that uses the library.
fn program(library: &str, text: &str) -> Result<(), String> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition=2024", "--crate-type=lib", "--crate-name=program", "--emit=metadata"]);
    rustc.args(["--out-dir", no_std::OUTPUT, "--extern"]).arg(format!("onereg={library}"));
    let folder = Path::new(library).parent().unwrap_or(Path::new("."));
    rustc.arg(format!("-Ldependency={}", folder.display()));
    run_with(rustc.arg("-"), text).map(drop)
}
