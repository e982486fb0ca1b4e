//! `onereg-live`: checks the register tables against the KVM of this host.
//!
//! Reading order: [`arch`] (the configurations of a vCPU, and what is known of each), [`check`] (what is checked of
//! one), [`report`] (what comes out), [`state`] (complete states, carried to another process), [`guest`] (what goes on
//! there and looks at them), [`mod@bench`] (what they cost). The rules are the tables'; this program only evaluates them.

#![cfg(target_os = "linux")]

mod arch;
mod bench;
mod check;
mod counted;
#[allow(dead_code, reason = "no architecture needs all of it")]
mod errno;
mod facts;
mod failure;
mod guest;
#[allow(dead_code, reason = "no architecture needs all of it")]
mod machine;
mod presence;
mod random;
mod release;
mod report;
mod row;
mod state;
#[allow(dead_code, reason = "no architecture needs all of it")]
mod system;

use std::io::{self, StdoutLock, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use onereg::Arch;

use crate::failure::Failure;
use crate::release::Release;
use crate::report::Report;
use crate::system::Kvm;

/// Checks the register tables of onereg against the KVM of this host.
///
/// Exit status: 0 when every check passed and no register is unknown, 1 when not, 2 when the host could not be checked.
#[derive(Parser)]
#[command(name = "onereg-live", version)]
struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    /// Format of the report.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Check only the configurations with this text in their name.
    #[arg(long, global = true, value_name = "TEXT", default_value = "")]
    only: String,
    /// Device of KVM.
    #[arg(long, global = true, value_name = "FILE", default_value = "/dev/kvm")]
    kvm: PathBuf,
}

/// What to do instead of checking the tables.
#[derive(Subcommand)]
enum Command {
    /// Fills vCPUs, carries their state to another process, and compares what arrives, also as a guest there sees it.
    State(state::Options),
    /// Measures how long capturing and restoring vCPUs takes, beside bare loops of ioctls, and counts ioctls and allocations.
    Bench(bench::Options),
    /// The other process: restores a state, and writes what the vCPU then holds and its guest sees.
    #[command(hide = true)]
    Restore(state::restore::Options),
    /// Writes a file of two vCPUs to stdout, a fresh and a filled one, for other hosts to judge.
    Save,
    /// Says which files can be restored on this host, and tries it.
    Judge(state::judge::Options),
}

/// Format of the report.
#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("onereg-live: {failure}");
            ExitCode::from(2)
        }
    }
}

/// Does what was asked for, and returns whether nothing was found.
fn run(options: &Options) -> Result<bool, Failure> {
    let path = options.kvm.display();
    let kvm = Kvm::open(&options.kvm).map_err(|error| {
        Failure::new(format!(
            "cannot open {path}: {error}; load the kvm module, or run as its group"
        ))
    })?;
    let kernel = system::kernel_release().map_err(Failure::step("ask for the kernel's release"))?;
    match &options.command {
        None => {
            let report = check_host(&kvm, kernel, &options.only)?;
            print(options.format, |out| report.write_text(out), |out| report.write_json(out))?;
            Ok(report.is_clean())
        }
        Some(Command::State(wanted)) => {
            let only = (kernel, options.only.as_str());
            let report = state::check_host(&kvm, &options.kvm, only, wanted)?;
            print(options.format, |out| report.write_text(out), |out| report.write_json(out))?;
            Ok(report.is_clean())
        }
        Some(Command::Bench(wanted)) => {
            let report = bench::check_host(&kvm, (kernel, &options.only), wanted)?;
            print(options.format, |out| report.write_text(out), |out| report.write_json(out))?;
            Ok(report.is_clean())
        }
        Some(Command::Restore(wanted)) => state::restore::run(&kvm, wanted).map(|()| true),
        Some(Command::Save) => state::save::run(&kvm, &kernel).map(|()| true),
        Some(Command::Judge(wanted)) => state::judge::run(&kvm, &kernel, wanted),
    }
}

/// Checks every configuration that the host offers.
fn check_host(kvm: &Kvm, kernel: String, only: &str) -> Result<Report, Failure> {
    let release = Release::parse(&kernel)
        .ok_or_else(|| Failure::new(format!("cannot read the kernel's release `{kernel}`")))?;
    let configurations = arch::configurations(kvm)?;
    let wanted = configurations.iter().filter(|wanted| wanted.name.contains(only));
    let sections = wanted.map(|wanted| check::configuration(kvm, wanted, release));
    let table = arch::Host::TABLE;
    Ok(Report { arch: table.name, kernel, table: table.kernel, sections: sections.collect() })
}

/// Prints a report in one of its formats.
fn print(
    format: Format,
    text: impl FnOnce(&mut StdoutLock<'_>) -> io::Result<()>,
    json: impl FnOnce(&mut StdoutLock<'_>) -> io::Result<()>,
) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = match format {
        Format::Text => text(&mut out),
        Format::Json => json(&mut out),
    };
    written.and_then(|()| out.flush()).map_err(Failure::step("write the report"))
}
