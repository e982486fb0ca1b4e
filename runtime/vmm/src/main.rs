//! `onereg-vmm`: a small virtual machine monitor whose CPU state goes through typed registers.
//!
//! Reading order: [`cli`] and [`config`] (what it takes), [`machine`] (a VM, its vCPU threads and their exit loop), [`demo`] and
//! [`probe`] (what they show), [`state`] and [`check`] (files of
//! vCPU states).

mod check;
mod cli;
mod config;
mod demo;
mod failure;
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "without KVM there is nothing to probe")
)]
mod probe;
mod profile;
mod size;
mod state;

#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
))]
mod machine;

#[cfg(all(
    target_os = "linux",
    any(
        target_arch = "powerpc64",
        target_arch = "s390x",
        target_arch = "mips64",
        target_arch = "loongarch64"
    )
))]
#[path = "probed_machine.rs"]
mod machine;

#[cfg(not(all(
    target_os = "linux",
    any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64",
        target_arch = "powerpc64",
        target_arch = "s390x",
        target_arch = "mips64",
        target_arch = "loongarch64"
    )
)))]
#[path = "no_machine.rs"]
mod machine;

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use crate::cli::Command;
use crate::failure::Failure;

fn main() -> ExitCode {
    let start = Instant::now();
    let cli = match config::parse(env::args_os().collect()) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let result = match cli.command.unwrap_or(Command::Demo) {
        Command::Demo => demo::run(&cli.kvm),
        Command::Run(options) => machine::run(&cli.kvm, &options, start),
        Command::Probe(options) => probe::run(&cli.kvm, &options),
        Command::Check(options) => check::run(&options),
        Command::State(command) => state::run(&command),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.is_quiet() {
                let _ = writeln!(io::stderr(), "onereg-vmm: {failure}");
            }
            failure.status()
        }
    }
}

/// Prints help and version to stdout, wrong usage as every other error.
fn usage(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    if error.use_stderr() {
        let _ =
            write!(io::stderr(), "onereg-vmm: {}", text.strip_prefix("error: ").unwrap_or(&text));
        return ExitCode::from(2);
    }
    match write!(io::stdout(), "{text}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => Failure::from(error).status(),
    }
}
