//! `cargo ci`: every check and test of this repository.
//!
//! All steps run, in the order of [`steps::STEPS`], also after one has failed; `cargo ci test` runs one of them.

mod apt;
mod features;
mod fuzz;
mod lab;
mod no_std;
mod package;
mod steps;
mod tidy;

use std::env;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use clap::builder::PossibleValuesParser;

use crate::steps::{STEPS, Step};

/// Runs every check and test of this repository.
#[derive(Parser)]
#[command(name = "cargo ci", bin_name = "cargo ci")]
struct Options {
    /// Install missing Debian packages (as root); implied by CI=true.
    #[arg(long)]
    install: bool,
    /// Run the steps that have a short form in full.
    #[arg(long)]
    long: bool,
    /// List the steps and what each proves.
    #[arg(long)]
    list: bool,
    /// Steps to run, instead of all.
    #[arg(value_name = "STEP", value_parser = PossibleValuesParser::new(STEPS.iter().map(|step| step.name)))]
    steps: Vec<String>,
}

/// What a step may ask about this run.
struct Context {
    /// Whether missing packages may be installed.
    install: bool,
    /// Whether steps that have a short form run in full.
    long: bool,
    /// Whether this is CI, where nothing is skipped.
    ci: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if options.list {
        for step in STEPS {
            println!("{:<10} {}", step.name, step.about);
        }
        return ExitCode::SUCCESS;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    if let Err(error) = env::set_current_dir(&root) {
        eprintln!("cannot enter {}: {error}", root.display());
        return ExitCode::FAILURE;
    }
    let ci = env::var_os("CI").is_some_and(|value| value == "true");
    let context = Context { install: ci || options.install, long: options.long, ci };
    let wanted = |step: &&Step| {
        options.steps.is_empty() || options.steps.iter().any(|name| name == step.name)
    };
    let results: Vec<bool> =
        STEPS.iter().filter(wanted).map(|step| report(step, &context)).collect();
    let passed = results.iter().filter(|passed| **passed).count();
    println!("{passed} passed, {} failed", results.len() - passed);
    if passed == results.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs one step, prints how it went and returns whether it passed.
fn report(step: &Step, context: &Context) -> bool {
    print!("{:<10} ", step.name);
    // Shows the name while the step runs; a closed stdout is found by the next line.
    let _ = io::stdout().flush();
    let start = Instant::now();
    let result = (step.run)(context);
    let seconds = start.elapsed().as_secs_f64();
    let (verdict, text) = match &result {
        Ok(note) => ("ok", note),
        Err(error) => ("FAILED", error),
    };
    println!("{verdict:<6} {seconds:>6.1} s");
    if !text.is_empty() {
        println!("{}", text.trim_end());
    }
    result.is_ok()
}
