//! When registers changed: the last changes of chosen registers, in a ring.

use std::collections::VecDeque;
use std::mem;

use crate::bulk::{BulkError, OnFailure};
use crate::plan::Plan;
use crate::register::Arch;
use crate::registers::Registers;
use crate::table::Info;

/// Records how chosen registers of one vCPU change from one moment to the next.
///
/// What a moment is, the caller decides: every exit from the guest, every millisecond. Only changes are kept, the newest
/// ones up to a limit.
///
/// ```
/// use onereg::arm64::{PC, SCTLR_EL1};
/// use onereg::{Arm64, Host, Memory, Recorder, Registers};
///
/// let vcpu = Memory::<Arm64>::new(Host::LP64);
/// let registers = [PC.info(), SCTLR_EL1.info()].into_iter().flatten();
/// let mut recorder = Recorder::start(&vcpu, registers, 1000)?;
/// for exit in 1..5 {
///     vcpu.update(PC, |pc| pc + 4)?;
///     if exit == 3 {
///         vcpu.update(SCTLR_EL1, |sctlr| sctlr.with_m(true))?;
///     }
///     recorder.record(&vcpu, exit)?;
/// }
/// let mut mmu = recorder.changes().filter(|change| change.of_field("SCTLR_EL1", "M").is_some());
/// assert_eq!(mmu.next().map(|change| change.moment), Some(3));
/// # Ok::<(), onereg::BulkError>(())
/// ```
#[derive(Debug)]
pub struct Recorder {
    registers: Vec<&'static Info>,
    plan: Plan,
    present: Vec<u8>,
    next: Vec<u8>,
    changes: VecDeque<Change>,
    limit: usize,
    forgotten: u64,
}

/// A register that had another value at a moment than at the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The moment, by the number that [`Recorder::record`] was given.
    pub moment: u64,
    /// The register.
    pub register: &'static Info,
    /// Its value before, in the host's byte order.
    pub before: Box<[u8]>,
    /// Its value at that moment.
    pub after: Box<[u8]>,
}

impl Recorder {
    /// Reads the registers for the first time, and keeps up to `limit` of the changes that follow.
    ///
    /// # Errors
    ///
    /// Returns which register could not be read and why.
    pub fn start<A: Arch>(
        target: &impl Registers<A>,
        registers: impl IntoIterator<Item = &'static Info>,
        limit: usize,
    ) -> Result<Recorder, BulkError> {
        let registers: Vec<&'static Info> = registers.into_iter().collect();
        let plan = Plan::new(target.host(), registers.iter().map(|info| info.place));
        let mut present = vec![0; plan.size()];
        target.read_plan(&plan, &mut present, OnFailure::Stop)?;
        let next = vec![0; plan.size()];
        let changes = VecDeque::new();
        Ok(Recorder { registers, plan, present, next, changes, limit, forgotten: 0 })
    }

    /// Reads the registers again and records those that changed since the last time as changes of `moment`.
    ///
    /// # Errors
    ///
    /// Returns which register could not be read and why; then nothing is recorded.
    pub fn record<A: Arch>(
        &mut self,
        target: &impl Registers<A>,
        moment: u64,
    ) -> Result<(), BulkError> {
        target.read_plan(&self.plan, &mut self.next, OnFailure::Stop)?;
        for (register, slot) in self.registers.iter().zip(self.plan.slots()) {
            let (before, after) = (slot.bytes(&self.present), slot.bytes(&self.next));
            if before != after {
                let change =
                    Change { moment, register, before: before.into(), after: after.into() };
                self.changes.push_back(change);
            }
        }
        let surplus = self.changes.len().saturating_sub(self.limit);
        self.changes.drain(..surplus);
        self.forgotten += surplus as u64;
        mem::swap(&mut self.present, &mut self.next);
        Ok(())
    }

    /// Returns the changes that are kept, oldest first.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter()
    }

    /// Returns how many older changes were forgotten.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

impl Change {
    /// Returns the values of one field before and at the moment, if the change is one of that register and field.
    pub fn of_field(&self, register: &str, field: &str) -> Option<(u128, u128)> {
        if self.register.name != register {
            return None;
        }
        let value = |bytes| {
            let mut fields = self.register.fields(bytes);
            fields.find(|known| known.field.name == field).map(|known| known.value)
        };
        let (before, after) = (value(&self.before)?, value(&self.after)?);
        (before != after).then_some((before, after))
    }
}
