//! Many registers in one call: what to do when an access fails, and the report.

use std::fmt;
use std::ops::ControlFlow;

use crate::error::{Error, ErrorKind, Operation};
use crate::plan::{Plan, Slot};
use crate::register::Arch;
use crate::registers::{Host, Registers};
use crate::table::{Access, Class, Info};

/// What a bulk call does when the access to a register fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// Stops at the first failure.
    Stop,
    /// Goes on, and reports all failures.
    Continue,
    /// Stops at the first failure and writes the old values back: the target is exactly as it was.
    ///
    /// Before the first write a plan is refused when it holds a register that this cannot be said of: one that cannot
    /// be read, that takes one write, whose writes reach beyond the vCPU, or that changes by itself.
    RollBack,
}

/// What became of each access of a bulk call; implementations of [`Registers`] fill it in.
#[derive(Debug)]
pub struct Report {
    operation: Operation,
    stops: bool,
    count: usize,
    written: Vec<usize>,
    failures: Vec<Failure>,
}

/// An access that failed, within a bulk call.
#[derive(Debug, Clone, Copy)]
pub struct Failure {
    /// Position of the register in the plan.
    pub position: usize,
    /// The register by name and id, and why.
    pub error: Error,
}

impl Report {
    fn new(operation: Operation, plan: &Plan, on_failure: OnFailure) -> Self {
        let written = match operation {
            // What was read needs no list: reading allocates nothing.
            Operation::Get => Vec::new(),
            Operation::Set => Vec::with_capacity(plan.slots().len()),
        };
        let stops = on_failure != OnFailure::Continue;
        Report { operation, stops, count: 0, written, failures: Vec::new() }
    }

    /// Records what became of the register at `position` of the plan, and says whether to go on with the next.
    #[inline]
    pub fn record(&mut self, position: usize, result: Result<(), Error>) -> ControlFlow<()> {
        match result {
            Ok(()) => {
                self.count += 1;
                if self.operation == Operation::Set {
                    self.written.push(position);
                }
            }
            Err(error) => self.failures.push(Failure { position, error }),
        }
        if self.stops && !self.failures.is_empty() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    fn finish(self, plan: &Plan) -> Result<(), BulkError> {
        if self.failures.is_empty() {
            return Ok(());
        }
        Err(BulkError {
            failures: self.failures,
            done: self.count,
            written: self.written,
            total: plan.slots().len(),
            undone: None,
        })
    }
}

/// A bulk call of which at least one access failed.
#[derive(Debug, Clone)]
pub struct BulkError {
    failures: Vec<Failure>,
    done: usize,
    written: Vec<usize>,
    total: usize,
    undone: Option<Vec<Failure>>,
}

impl BulkError {
    /// Returns the accesses that failed: the first one, or all of them with [`OnFailure::Continue`].
    ///
    /// Registers that cross in one struct fail together.
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// Returns the positions in the plan of the registers that were written, in the order it happened.
    ///
    /// After a roll-back these have their old values again, but for those of [`BulkError::not_restored`].
    pub fn written(&self) -> &[usize] {
        &self.written
    }

    /// Returns what a roll-back could not write back: nothing, unless the target contradicts its table.
    pub fn not_restored(&self) -> &[Failure] {
        self.undone.as_deref().unwrap_or_default()
    }

    fn refused(failures: Vec<Failure>, total: usize) -> Self {
        BulkError { failures, done: 0, written: Vec::new(), total, undone: None }
    }
}

impl From<Error> for BulkError {
    fn from(error: Error) -> Self {
        BulkError::refused(vec![Failure { position: 0, error }], 1)
    }
}

impl fmt::Display for BulkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, failure) in self.failures.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{}", failure.error)?;
        }
        match &self.undone {
            None => write!(f, " ({} of {} registers done)", self.done, self.total),
            Some(failed) if failed.is_empty() => {
                f.write_str(" (everything written before has its old value again)")
            }
            Some(failed) => {
                f.write_str(" (not restored:")?;
                failed.iter().try_for_each(|failure| write!(f, " {}", failure.error))?;
                f.write_str(")")
            }
        }
    }
}

impl std::error::Error for BulkError {}

/// Reads every register of `plan` into `buffer`.
pub(crate) fn read<A: Arch>(
    target: &(impl Registers<A> + ?Sized),
    plan: &Plan,
    buffer: &mut [u8],
    on_failure: OnFailure,
) -> Result<(), BulkError> {
    check_length::<A>(Operation::Get, target.host(), plan, buffer.len())?;
    let mut report = Report::new(Operation::Get, plan, on_failure);
    let _ = target.read_many_bytes(plan, buffer, &mut report);
    report.finish(plan)
}

/// Writes every register of `plan` from `buffer`.
pub(crate) fn write<A: Arch>(
    target: &(impl Registers<A> + ?Sized),
    plan: &Plan,
    buffer: &[u8],
    on_failure: OnFailure,
) -> Result<(), BulkError> {
    check_length::<A>(Operation::Set, target.host(), plan, buffer.len())?;
    if on_failure == OnFailure::RollBack {
        return write_or_roll_back(target, plan, buffer);
    }
    let mut report = Report::new(Operation::Set, plan, on_failure);
    let _ = target.write_many_bytes(plan, buffer, &mut report);
    report.finish(plan)
}

fn write_or_roll_back<A: Arch>(
    target: &(impl Registers<A> + ?Sized),
    plan: &Plan,
    buffer: &[u8],
) -> Result<(), BulkError> {
    refuse_irreversible::<A>(target.host(), plan)?;
    let mut old = vec![0; plan.size()];
    read(target, plan, &mut old, OnFailure::Stop)
        .map_err(|error| BulkError::refused(error.failures, plan.slots().len()))?;
    let mut report = Report::new(Operation::Set, plan, OnFailure::RollBack);
    let _ = target.write_many_bytes(plan, buffer, &mut report);
    report.finish(plan).map_err(|error| {
        let written = error.written.iter().rev();
        let written: Plan = written.filter_map(|at| plan.slots().get(*at).cloned()).collect();
        let mut restored = Report::new(Operation::Set, &written, OnFailure::Continue);
        let _ = target.write_many_bytes(&written, &old, &mut restored);
        BulkError { undone: Some(restored.failures), ..error }
    })
}

/// Refuses a buffer that does not hold the values of all registers, naming the first that is left out.
fn check_length<A: Arch>(
    operation: Operation,
    host: Host,
    plan: &Plan,
    length: usize,
) -> Result<(), BulkError> {
    let left_out = |slot: &Slot| slot.range().end > length;
    let Some(position) = plan.slots().iter().position(left_out) else { return Ok(()) };
    let slot = &plan.slots()[position];
    let kind = ErrorKind::Size { given: length.saturating_sub(slot.range().start) };
    let error = Error::new::<A>(operation, slot.place(), host, kind);
    Err(BulkError::refused(vec![Failure { position, error }], plan.slots().len()))
}

/// Refuses a plan with registers that cannot be written back, naming all of them.
fn refuse_irreversible<A: Arch>(host: Host, plan: &Plan) -> Result<(), BulkError> {
    let irreversible = plan.slots().iter().enumerate().filter_map(|(position, slot)| {
        let kind = ErrorKind::Unsupported(irreversible(A::TABLE.at(slot.place()))?);
        Some(Failure { position, error: Error::new::<A>(Operation::Set, slot.place(), host, kind) })
    });
    let failures: Vec<Failure> = irreversible.collect();
    if failures.is_empty() { Ok(()) } else { Err(BulkError::refused(failures, plan.slots().len())) }
}

/// Says why a write of this register cannot be taken back.
fn irreversible(info: Option<&Info>) -> Option<&'static str> {
    let Some(info) = info else {
        return Some("cannot be rolled back: no table says what a write does");
    };
    match (info.row.access, info.row.class) {
        (Access::WriteOnly, _) => Some("cannot be rolled back: write-only"),
        (Access::ReadOnly, _) => Some("cannot be written: read-only"),
        (_, Class::WriteOnce) => Some("cannot be rolled back: takes one write"),
        (_, Class::PreFinalize) => Some("cannot be rolled back: fixed once the vCPU is finalized"),
        (_, Class::Volatile) => {
            Some("cannot be rolled back: changes by itself, or a write of it has effects")
        }
        (_, Class::VmWide) => Some("cannot be rolled back: belongs to the whole VM"),
        (_, Class::State | Class::Identity | Class::Derived) => None,
    }
}
