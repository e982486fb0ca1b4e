//! Writing a state to a vCPU, phase by phase.

use super::difference::Difference;
use super::failure::{Refusal, RestoreError};
use super::select::Unknown;
use super::treat::{self, Treatment};
use super::{Entry, VcpuState};
use crate::bulk::{BulkError, Failure, OnFailure};
use crate::plan::Plan;
use crate::register::Arch;
use crate::registers::Registers;
use crate::table::Width;

/// What a restore is to do.
#[derive(Debug, Clone, Default)]
pub struct RestoreOptions {
    /// Whether this is the vCPU that takes what belongs to the whole VM.
    pub vm_wide: VmWide,
    /// What becomes of registers that this build's table lacks.
    pub unknown: Unknown,
    /// Registers to leave out, by name.
    pub dropped: Vec<String>,
}

/// What becomes of registers that belong to the whole VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VmWide {
    /// They are written: for the first vCPU of a VM.
    #[default]
    Write,
    /// They are left as the first vCPU's restore wrote them.
    Leave,
}

/// What a restore did with a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was not reached, or failed.
    Pending,
    /// It was written.
    Written,
    /// The vCPU had the value already, and it was not written.
    Same,
    /// It follows from other registers.
    Derived,
    /// It belongs to the VM, and another vCPU's restore wrote it.
    OtherVcpu,
    /// It was to be left out.
    Dropped,
}

/// What became of every register of a state, in the state's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    outcomes: Vec<Outcome>,
}

impl Restored {
    /// Returns the outcome of each register of [`VcpuState::registers`].
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// Returns how many registers have this outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.outcomes.iter().filter(|known| **known == outcome).count()
    }
}

impl VcpuState {
    /// Writes what has to be written before the vCPU is finalized (arm64: the vector lengths of SVE); nothing where the
    /// state has no such register.
    ///
    /// The caller then finalizes the vCPU (KVM_ARM_VCPU_FINALIZE) and restores the rest.
    ///
    /// # Errors
    ///
    /// As [`VcpuState::restore`].
    pub fn restore_before_finalize<A: Arch>(
        &self,
        vcpu: &(impl Registers<A> + ?Sized),
        options: &RestoreOptions,
    ) -> Result<Restored, RestoreError> {
        self.run(vcpu, options, |entry| treat::before_finalize(entry.info.map(|info| info.row)))
    }

    /// Writes the state to a vCPU in the order of the table's phases.
    ///
    /// Registers that say who the vCPU is are compared first, and written only where they differ; what cannot be written
    /// has to match. What follows from other registers is left to them. Everything of one phase is tried, so that an error
    /// names all that fails there; the next phase begins only when nothing did.
    ///
    /// # Errors
    ///
    /// Returns which registers failed, and why, by name, id and errno. A state of another architecture, of other widths,
    /// or with registers that this build's table lacks is refused before the first write. After a failed write the vCPU
    /// is restored in part and must not run.
    pub fn restore<A: Arch>(
        &self,
        vcpu: &(impl Registers<A> + ?Sized),
        options: &RestoreOptions,
    ) -> Result<Restored, RestoreError> {
        self.run(vcpu, options, |entry| treat::of(entry.info.map(|info| info.row), options.vm_wide))
    }

    fn run<A: Arch>(
        &self,
        vcpu: &(impl Registers<A> + ?Sized),
        options: &RestoreOptions,
        treatment: impl Fn(&Entry) -> Treatment,
    ) -> Result<Restored, RestoreError> {
        self.check_target::<A>(vcpu)?;
        self.check_known(options.unknown)?;
        let outcomes = Vec::with_capacity(self.entries.len());
        let mut run = Run { state: self, outcomes, found: vec![0; self.values.len()] };
        for phase in self.phases() {
            run.phase(vcpu, phase, |entry| {
                let dropped = options.dropped.iter().any(|name| *name == entry.name);
                let skipped = !entry.is_known() && options.unknown == Unknown::Skip;
                if dropped || skipped {
                    Treatment::Leave(Outcome::Dropped)
                } else {
                    treatment(entry)
                }
            })?;
        }
        Ok(Restored { outcomes: run.outcomes })
    }

    /// Refuses a target that cannot hold the state.
    pub(super) fn check_target<A: Arch>(
        &self,
        vcpu: &(impl Registers<A> + ?Sized),
    ) -> Result<(), RestoreError> {
        if A::TABLE.name != self.table.name {
            return Err(RestoreError::Architecture {
                state: self.table.name,
                target: A::TABLE.name,
            });
        }
        let (saved, here) = (self.origin.host, vcpu.host());
        let of_vector =
            |entry: &Entry| entry.info.is_some_and(|info| info.row.width == Width::Vlenb);
        let facts = [
            ("XLEN", saved.xlen_bytes() * 8, here.xlen_bytes() * 8, true),
            ("vector length", saved.vlenb(), here.vlenb(), self.entries.iter().any(of_vector)),
            (
                "byte order",
                usize::from(self.origin.big_endian),
                usize::from(cfg!(target_endian = "big")),
                true,
            ),
        ];
        match facts.iter().find(|(_, saved, here, matters)| *matters && saved != here) {
            Some((what, saved, here, _)) => {
                Err(RestoreError::Host { what, state: *saved, target: *here })
            }
            None => Ok(()),
        }
    }

    /// Refuses registers that this build's table lacks, or that no access of this build reaches.
    fn check_known(&self, unknown: Unknown) -> Result<(), RestoreError> {
        let refused = |entry: &&Entry| match unknown {
            Unknown::Refuse => !entry.is_known(),
            Unknown::Carry => entry.place().is_none() && entry.carrier().is_none(),
            Unknown::Skip => false,
        };
        let labels: Vec<String> = self.entries.iter().filter(refused).map(Entry::label).collect();
        if labels.is_empty() {
            return Ok(());
        }
        Err(RestoreError::Unknown { arch: self.table.name, registers: labels })
    }
}

/// What is left to do with a register that failed.
const FAILED: Treatment = Treatment::Leave(Outcome::Pending);

/// A restore under way.
struct Run<'a> {
    state: &'a VcpuState,
    outcomes: Vec<Outcome>,
    /// Values of the vCPU, where the state has its own.
    found: Vec<u8>,
}

impl Run<'_> {
    /// Compares and writes the registers of one phase.
    fn phase<A: Arch>(
        &mut self,
        vcpu: &(impl Registers<A> + ?Sized),
        entries: &[Entry],
        treatment: impl Fn(&Entry) -> Treatment,
    ) -> Result<(), RestoreError> {
        let mut treatments: Vec<Treatment> = entries.iter().map(treatment).collect();
        let mut refusals = self.compare(vcpu, entries, &mut treatments);
        refusals.extend(self.write(vcpu, entries, &mut treatments));
        refusals.extend(write_blocks(vcpu, entries, &mut treatments));
        let outcome = |treatment: &Treatment| match treatment {
            Treatment::Leave(outcome) => *outcome,
            Treatment::Write | Treatment::WriteOther | Treatment::Compare => Outcome::Written,
        };
        self.outcomes.extend(treatments.iter().map(outcome));
        if refusals.is_empty() {
            return Ok(());
        }
        let phase = entries.first().map_or("", |entry| entry.phase_name(self.state.table));
        Err(RestoreError::Refused {
            arch: self.state.table.name,
            phase,
            written: self.outcomes.iter().filter(|outcome| **outcome == Outcome::Written).count(),
            total: self.state.entries.len(),
            refusals,
        })
    }

    /// Reads what is compared: what has its value already needs no write, what differs must be written or is refused.
    fn compare<A: Arch>(
        &mut self,
        vcpu: &(impl Registers<A> + ?Sized),
        entries: &[Entry],
        treatments: &mut [Treatment],
    ) -> Vec<Refusal> {
        let compared: Vec<usize> = positions(entries, treatments, |treatment| {
            matches!(treatment, Treatment::WriteOther | Treatment::Compare)
        });
        let plan = plan(entries, &compared);
        let read = vcpu.read_plan(&plan, &mut self.found, OnFailure::Continue);
        let mut refusals = refuse(&failures(read), &compared, treatments);
        for (position, slot) in compared.into_iter().zip(plan.slots()) {
            let (saved, found) = (slot.bytes(&self.state.values), slot.bytes(&self.found));
            if treatments[position] == FAILED {
                continue;
            }
            if saved == found {
                treatments[position] = Treatment::Leave(Outcome::Same);
            } else if treatments[position] == Treatment::Compare {
                treatments[position] = FAILED;
                let difference = Difference::new(&entries[position], saved, found);
                refusals.push(Refusal::Differs(difference));
            }
        }
        refusals
    }

    /// Writes what is to be written.
    fn write<A: Arch>(
        &mut self,
        vcpu: &(impl Registers<A> + ?Sized),
        entries: &[Entry],
        treatments: &mut [Treatment],
    ) -> Vec<Refusal> {
        let written = positions(entries, treatments, |treatment| {
            matches!(treatment, Treatment::Write | Treatment::WriteOther)
        });
        let plan = plan(entries, &written);
        let failed = failures(vcpu.write_plan(&plan, &self.state.values, OnFailure::Continue));
        refuse(&failed, &written, treatments)
    }
}

/// Writes the blocks of a phase.
fn write_blocks<A: Arch>(
    vcpu: &(impl Registers<A> + ?Sized),
    entries: &[Entry],
    treatments: &mut [Treatment],
) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for (entry, treatment) in entries.iter().zip(treatments) {
        let (Some(carrier), Some(block)) = (entry.carrier(), &entry.block) else { continue };
        if *treatment != Treatment::Write {
            continue;
        }
        if let Err(error) = vcpu.write_block(carrier, &block.bytes) {
            *treatment = FAILED;
            refusals.push(Refusal::Access(error));
        }
    }
    refusals
}

/// Returns the positions of the registers whose treatment is one of those asked for.
fn positions(
    entries: &[Entry],
    treatments: &[Treatment],
    asked: impl Fn(Treatment) -> bool,
) -> Vec<usize> {
    let mut positions = Vec::with_capacity(entries.len());
    let wanted = (0..entries.len()).filter(|position| asked(treatments[*position]));
    positions.extend(wanted.filter(|position| entries[*position].place().is_some()));
    positions
}

/// Plans the registers at `positions`, with their values where the state has them.
fn plan(entries: &[Entry], positions: &[usize]) -> Plan {
    let mut slots = Vec::with_capacity(positions.len());
    slots.extend(positions.iter().filter_map(|position| entries[*position].slot()));
    slots.into_iter().collect()
}

fn failures(result: Result<(), BulkError>) -> Vec<Failure> {
    result.err().map(|error| error.failures().to_vec()).unwrap_or_default()
}

/// Marks the registers of a plan that failed, `planned` being its positions in the phase, and says why.
fn refuse(failures: &[Failure], planned: &[usize], treatments: &mut [Treatment]) -> Vec<Refusal> {
    for failure in failures {
        let failed = planned.get(failure.position).and_then(|at| treatments.get_mut(*at));
        failed.into_iter().for_each(|treatment| *treatment = FAILED);
    }
    failures.iter().map(|failure| Refusal::Access(failure.error)).collect()
}
