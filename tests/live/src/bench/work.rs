//! What is done with a vCPU.

use onereg::kvm::Vcpu as Registers;
use onereg::{Outcome, Present, RestoreOptions, Unknown, VcpuState, VmWide};

use super::bare::Bare;
use crate::arch::Host;
use crate::failure::Failure;
use crate::system::Vcpu;

/// Something that is done with all registers of a vCPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// The bare loop that reads.
    Read,
    /// The first capture.
    Capture,
    /// Every later one.
    Recapture,
    /// The bare loop that writes.
    Write,
    /// A restore.
    Restore,
}

impl Work {
    /// All of them, in the order in which they are done.
    pub(super) const ALL: [Work; 5] =
        [Work::Read, Work::Capture, Work::Recapture, Work::Write, Work::Restore];

    /// Returns its name in a report.
    pub(super) fn name(self) -> &'static str {
        match self {
            Work::Read => "bare read",
            Work::Capture => "capture",
            Work::Recapture => "recapture",
            Work::Write => "bare write",
            Work::Restore => "restore",
        }
    }

    /// Returns the loop that it is compared with.
    pub(super) fn bare(self) -> Work {
        match self {
            Work::Read | Work::Capture | Work::Recapture => Work::Read,
            Work::Write | Work::Restore => Work::Write,
        }
    }
}

/// A vCPU to work with.
pub(super) struct Subject<'a> {
    registers: Registers<'a, Host>,
    present: Present<'a>,
    options: RestoreOptions,
    reads: Bare<'a>,
    writes: Bare<'a>,
    state: VcpuState,
    again: VcpuState,
}

impl<'a> Subject<'a> {
    /// Captures and restores the vCPU with that index once, so that every further time is like the next.
    pub(super) fn new(
        vcpu: &'a Vcpu,
        listed: Option<&'a [u64]>,
        index: usize,
    ) -> Result<Subject<'a>, Failure> {
        let registers = Registers::over(vcpu);
        let present = listed.map_or(Present::Table, Present::Listed);
        let vm_wide = if index == 0 { VmWide::Write } else { VmWide::Leave };
        let options = RestoreOptions { vm_wide, ..RestoreOptions::default() };
        let state = VcpuState::capture(&registers, present, Unknown::Refuse);
        let state = state.map_err(|error| failed(Work::Capture, error))?.state;
        let mut again = state.clone();
        again.recapture(&registers).map_err(|error| failed(Work::Recapture, error))?;
        let restored = state.restore(&registers, &options);
        let restored = restored.map_err(|error| failed(Work::Restore, error))?;
        let outcomes = state.registers().zip(restored.outcomes());
        let accessed =
            outcomes.filter(|(_, outcome)| matches!(outcome, Outcome::Written | Outcome::Same));
        let mut writes = Bare::new(vcpu, accessed.map(|(saved, _)| saved));
        writes.retain_writable();
        let reads = Bare::new(vcpu, state.registers());
        Ok(Subject { registers, present, options, reads, writes, state, again })
    }

    /// Returns its state.
    pub(super) fn state(&self) -> &VcpuState {
        &self.state
    }

    /// Returns how many registers it is that something is done with.
    pub(super) fn size(&self, work: Work) -> usize {
        match work {
            Work::Read => self.reads.len(),
            Work::Write => self.writes.len(),
            Work::Capture | Work::Recapture | Work::Restore => self.state.registers().len(),
        }
    }

    /// Does it.
    pub(super) fn run(&mut self, work: Work) -> Result<(), Failure> {
        let Subject { registers, present, options, reads, writes, state, again } = self;
        match work {
            Work::Read => reads.read().map_err(Failure::step(work.name())),
            Work::Capture => VcpuState::capture(registers, *present, Unknown::Refuse)
                .map(|_| ())
                .map_err(|error| failed(work, error)),
            Work::Recapture => again.recapture(registers).map_err(|error| failed(work, error)),
            Work::Write => writes.write().map_err(Failure::step(work.name())),
            Work::Restore => {
                state.restore(registers, options).map(|_| ()).map_err(|error| failed(work, error))
            }
        }
    }
}

fn failed(work: Work, error: impl std::error::Error) -> Failure {
    Failure::new(format!("{} of a vCPU failed: {error}", work.name()))
}
