//! The steps of CI: one line of the table and one short function each.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use onereg_tests::command::run;

use crate::{Context, apt, features, fuzz, lab, no_std, package, tidy};

/// One step: what proves what.
pub(crate) struct Step {
    /// Name on the command line.
    pub(crate) name: &'static str,
    /// What it proves.
    pub(crate) about: &'static str,
    /// Runs it; returns what is worth printing when it passes, and everything that is known when it does not.
    pub(crate) run: fn(&Context) -> Result<String, String>,
}

/// All steps, in order.
pub(crate) const STEPS: &[Step] = &[
    Step { name: "apt", about: "the programs that other steps run are installed", run: apt::check },
    Step { name: "fmt", about: "rustfmt and `onereg fmt` change nothing", run: fmt },
    Step { name: "clippy", about: "no lint of the workspace fires", run: clippy },
    Step { name: "doc", about: "the documentation builds without warnings", run: doc },
    Step { name: "tidy", about: "the house rules that no lint knows hold", run: tidy::check },
    Step { name: "test", about: "all tests pass", run: test },
    Step {
        name: "no_std",
        about: "the registers alone need neither std nor an allocator",
        run: no_std::check,
    },
    Step {
        name: "features",
        about: "the registers of each architecture compile alone, and all where none is named",
        run: features::check,
    },
    Step { name: "generate", about: "everything that is generated is up to date", run: generate },
    Step { name: "fuzz", about: "no input makes the fuzz targets fail", run: fuzz::check },
    Step { name: "bench", about: "the benchmarks run; their figures are printed", run: bench },
    Step { name: "demo", about: "the demo drives a guest on /dev/kvm", run: demo },
    Step { name: "lab", about: "emulated hosts run programs on a real /dev/kvm", run: lab::check },
    Step { name: "package", about: "every crate builds from its package", run: package::check },
];

fn fmt(_: &Context) -> Result<String, String> {
    // The program is no target of the workspace: its file is named.
    cargo(["fmt", "--all", "--check", "--", "tests/no_std/bare.rs"])?;
    cargo(["onereg", "fmt", "--check", "registers", "tests/device/tables"])
}

fn clippy(_: &Context) -> Result<String, String> {
    cargo(["clippy", "--workspace", "--all-targets", "--all-features", "--", "--deny=warnings"])
}

fn doc(_: &Context) -> Result<String, String> {
    let mut cargo = Command::new("cargo");
    cargo.env("RUSTDOCFLAGS", "--deny=warnings").args(["doc", "--workspace", "--no-deps"]);
    quiet(&mut cargo)
}

fn test(_: &Context) -> Result<String, String> {
    cargo(["test", "--workspace", "--no-fail-fast"])?;
    conformance()
}

/// What the tests proved against the kernel: the first paragraph of each listing that they wrote.
fn conformance() -> Result<String, String> {
    let folder = "target/conformance";
    let listings =
        fs::read_dir(folder).map_err(|error| format!("cannot read {folder}: {error}"))?;
    let mut paths: Vec<_> = listings.flatten().map(|listing| listing.path()).collect();
    paths.sort();
    let text = |path: &PathBuf| {
        fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let texts = paths.iter().map(text).collect::<Result<Vec<_>, _>>()?;
    let summaries = texts.iter().map(|text| text.split("\n\n").next().unwrap_or_default());
    Ok(summaries.collect::<Vec<_>>().join("\n"))
}

fn generate(_: &Context) -> Result<String, String> {
    cargo(["onereg", "generate", "--check"])
}

fn bench(context: &Context) -> Result<String, String> {
    let bench = |names: &[&str]| {
        let mut cargo = Command::new("cargo");
        cargo.args(["run", "--quiet", "--release", "--package", "onereg-tests", "--bin", "bench"]);
        run(cargo.arg("--").args(names))
    };
    let figures = bench(&[])?;
    Ok(if context.long { figures + &bench(&["vmm"])? } else { figures })
}

/// The first command of the README.
fn demo(_: &Context) -> Result<String, String> {
    cargo(["run", "--release"])
}

fn cargo<const N: usize>(arguments: [&str; N]) -> Result<String, String> {
    quiet(Command::new("cargo").args(arguments))
}

/// Runs a command whose output matters only when it fails.
fn quiet(command: &mut Command) -> Result<String, String> {
    run(command).map(|_| String::new())
}
