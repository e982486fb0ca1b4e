//! `onereg-live`: checks the register tables against the KVM of this host.
//!
//! Reading order: [`arch`] (the configurations of a vCPU, and what is known of each), [`check`] (what is checked of
//! one), [`report`] (what comes out). The rules are the tables'; this program only evaluates them.

#![cfg(target_os = "linux")]

mod arch;
mod check;
#[allow(dead_code, reason = "no architecture needs all of it")]
mod errno;
mod facts;
mod failure;
#[allow(dead_code, reason = "no architecture needs all of it")]
mod machine;
mod presence;
mod release;
mod report;
mod row;
#[allow(dead_code, reason = "no architecture needs all of it")]
mod system;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
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
    /// Format of the report.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Check only the configurations with this text in their name.
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Device of KVM.
    #[arg(long, value_name = "FILE", default_value = "/dev/kvm")]
    kvm: PathBuf,
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
    let options = Options::parse();
    match check_host(&options).and_then(|report| print(&report, options.format)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("onereg-live: {failure}");
            ExitCode::from(2)
        }
    }
}

/// Checks every configuration that the host offers.
fn check_host(options: &Options) -> Result<Report, Failure> {
    let kernel = system::kernel_release().map_err(Failure::step("ask for the kernel's release"))?;
    let release = Release::parse(&kernel)
        .ok_or_else(|| Failure::new(format!("cannot read the kernel's release `{kernel}`")))?;
    let path = options.kvm.display();
    let kvm = Kvm::open(&options.kvm).map_err(|error| {
        Failure::new(format!(
            "cannot open {path}: {error}; load the kvm module, or run as its group"
        ))
    })?;
    let configurations = arch::configurations(&kvm)?;
    let wanted = configurations.iter().filter(|wanted| wanted.name.contains(&options.only));
    let sections = wanted.map(|wanted| check::configuration(&kvm, wanted, release));
    let table = arch::Host::TABLE;
    Ok(Report { arch: table.name, kernel, table: table.kernel, sections: sections.collect() })
}

/// Prints the report and returns whether it is clean.
fn print(report: &Report, format: Format) -> Result<bool, Failure> {
    let mut out = io::stdout().lock();
    let written = match format {
        Format::Text => report.write_text(&mut out),
        Format::Json => report.write_json(&mut out),
    };
    written.and_then(|()| out.flush()).map_err(Failure::step("write the report"))?;
    Ok(report.is_clean())
}
