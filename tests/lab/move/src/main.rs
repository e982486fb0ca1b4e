//! `onereg-lab-move run` is `onereg-vmm run` without virtio devices, and moves the guest to a new VM whenever the guest
//! counts: it goes on there by the states of its vCPUs and interrupt controllers.

// Links to the VMM's own files.
mod cli;
#[expect(dead_code, reason = "the VMM fails in more ways")]
mod failure;
#[expect(dead_code, unused_imports, reason = "the VMM does more with a machine")]
#[allow(unfulfilled_lint_expectations, reason = "here the console ends a run, too")]
mod machine;
mod probe;
mod size;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::failure::Failure;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let moves = match cli.command {
        Some(Command::Run(options)) => machine::run(&cli.kvm, &options),
        _ => Err(Failure::with_status(2, "the command is `run`")),
    };
    match moves {
        Ok(moves) => {
            eprintln!("onereg-lab-move: the guest was moved {moves} times");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("onereg-lab-move: {failure}");
            failure.status()
        }
    }
}
