//! The other process: restores a file into a fresh vCPU, and hands back what that vCPU then holds and its guest sees.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use onereg::{Outcome, RestoreError, RestoreOptions, StateFile};

use super::capture;
use super::shuffled::Shuffled;
use crate::arch;
use crate::failure::Failure;
use crate::guest::{Program, Seen};
use crate::system::Kvm;

/// What is to be restored, and into what.
#[derive(Args)]
pub(crate) struct Options {
    /// File of the state.
    file: PathBuf,
    /// Name of the vCPU's configuration.
    configuration: String,
    /// Order of the registers within a phase: 0 is the table's, every other number another one.
    order: u64,
    /// Lets the guest go on from there.
    #[arg(long)]
    go_on: bool,
    /// Registers to leave out.
    #[arg(long)]
    lose: Vec<String>,
}

/// Restores a file into a fresh vCPU, and writes to stdout what its guest sees and a file of what it then holds.
pub(crate) fn run(kvm: &Kvm, options: &Options) -> Result<(), Failure> {
    let read = fs::read(&options.file);
    let file = read.map_err(Failure::step("read the file of the state"))?;
    let file = StateFile::from_bytes(&file)
        .map_err(|error| Failure::new(format!("the file of the state is none: {error}")))?;
    let state = file.vcpus.first().ok_or_else(|| Failure::new("the file has no vCPU"))?;
    let configurations = arch::configurations(kvm)?;
    let configuration = configurations.iter().find(|known| known.name == options.configuration);
    let configuration = configuration.ok_or_else(|| Failure::new("no such configuration"))?;
    let mut machine = arch::create(kvm, configuration)?;
    let guest = options.go_on.then(|| Program::of(state)).transpose()?;
    let refused = |error: RestoreError| Failure::new(format!("cannot restore: {error}"));
    state
        .restore_before_finalize(&machine.registers(), &RestoreOptions::default())
        .map_err(refused)?;
    arch::finalize(&machine, configuration)?;
    if let Some(guest) = &guest {
        guest.load(&mut machine)?;
    }
    let registers = machine.registers();
    let how = RestoreOptions { dropped: options.lose.clone(), ..RestoreOptions::default() };
    let restored = match options.order {
        0 => state.restore(&registers, &how),
        seed => state.restore(&Shuffled::new(&registers, seed), &how),
    };
    let restored = restored.map_err(refused)?;
    let (written, same) = (restored.count(Outcome::Written), restored.count(Outcome::Same));
    let found = StateFile { vcpus: vec![capture(kvm, &machine)?] }.to_bytes();
    let seen = guest.map_or(Ok(Seen::default()), |guest| guest.go_on(&machine, state))?.to_bytes();
    let mut out = io::stdout().lock();
    let written = writeln!(out, "{written} {same} {}", seen.len())
        .and_then(|()| out.write_all(&seen))
        .and_then(|()| out.write_all(&found));
    written.and_then(|()| out.flush()).map_err(Failure::step("write the state"))
}
