//! The other process: restores a file into a fresh vCPU, and hands back what that vCPU then holds and its guest sees.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use onereg::{Outcome, RestoreError, RestoreOptions, Restored, StateFile, VcpuState};

use super::capture;
use super::shuffled::Shuffled;
use crate::arch::{self, Configuration};
use crate::failure::Failure;
use crate::guest::{Program, Seen};
use crate::machine::Machine;
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
    let file = read(&options.file)?;
    let state = file.vcpus.first().ok_or_else(|| Failure::new("the file has no vCPU"))?;
    let configuration = &configuration(kvm, &options.configuration)?;
    let mut machine = arch::create(kvm, configuration)?;
    let guest = options.go_on.then(|| Program::of(state)).transpose()?;
    if let Some(guest) = &guest {
        guest.load(&mut machine)?;
    }
    let how = RestoreOptions { dropped: options.lose.clone(), ..RestoreOptions::default() };
    let restored = into_fresh((&machine, configuration), state, &how, options.order)?;
    let restored = restored.map_err(|error| Failure::new(format!("cannot restore: {error}")))?;
    let (written, same) = (restored.count(Outcome::Written), restored.count(Outcome::Same));
    let found = StateFile { vcpus: vec![capture(kvm, &machine)?] }.to_bytes();
    let seen = guest.map_or(Ok(Seen::default()), |guest| guest.go_on(&machine, state))?.to_bytes();
    let mut out = io::stdout().lock();
    let written = writeln!(out, "{written} {same} {}", seen.len())
        .and_then(|()| out.write_all(&seen))
        .and_then(|()| out.write_all(&found));
    written.and_then(|()| out.flush()).map_err(Failure::step("write the state"))
}

/// Reads a file of states.
pub(super) fn read(path: &Path) -> Result<StateFile, Failure> {
    let shown = path.display();
    let bytes = fs::read(path);
    let bytes = bytes.map_err(|error| Failure::new(format!("cannot read {shown}: {error}")))?;
    StateFile::from_bytes(&bytes)
        .map_err(|error| Failure::new(format!("{shown} is no file of states: {error}")))
}

/// Finds the configuration with that name.
pub(super) fn configuration(kvm: &Kvm, name: &str) -> Result<Configuration, Failure> {
    let mut configurations = arch::configurations(kvm)?.into_iter();
    let known = configurations.find(|known| known.name == name);
    known.ok_or_else(|| Failure::new(format!("no configuration of a vCPU is called `{name}`")))
}

/// Restores a state into a vCPU that is not finalized yet, and finalizes it.
pub(super) fn into_fresh(
    (machine, configuration): (&Machine, &Configuration),
    state: &VcpuState,
    options: &RestoreOptions,
    order: u64,
) -> Result<Result<Restored, RestoreError>, Failure> {
    if let Err(error) = state.restore_before_finalize(&machine.registers(), options) {
        return Ok(Err(error));
    }
    arch::finalize(machine, configuration)?;
    let registers = machine.registers();
    Ok(match order {
        0 => state.restore(&registers, options),
        seed => state.restore(&Shuffled::new(&registers, seed), options),
    })
}
