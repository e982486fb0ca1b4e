//! Reading every register of a vCPU.

use std::borrow::Cow;
use std::fmt;
use std::mem;

use super::select::{self, Present, Promise, Selected, Selection, Unknown};
use super::{Block, Entry, Key, Origin, VcpuState, order};
use crate::bulk::{BulkError, OnFailure};
use crate::error::{Error, ErrorKind};
use crate::plan::Plan;
use crate::register::{Arch, Place};
use crate::registers::Registers;
use crate::table::{Carrier, Class};

/// A captured state, and everything that is not in it.
#[derive(Debug)]
pub struct Capture {
    /// The state.
    pub state: VcpuState,
    /// Registers of the table that this vCPU does not have, as the kernel said when they were read.
    pub absent: Vec<Error>,
    /// Listed ids without a row, left out as [`Unknown::Skip`] says.
    pub skipped: Vec<u64>,
}

/// Why a vCPU was not captured.
#[derive(Debug)]
#[non_exhaustive]
pub enum CaptureError {
    /// The kernel lists ids that no row of the table has.
    Unknown {
        /// Architecture.
        arch: &'static str,
        /// All of them.
        ids: Vec<u64>,
    },
    /// Registers that the vCPU has could not be read.
    Unreadable(Vec<Error>),
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CaptureError::Unknown { arch, ids } => {
                write!(f, "the vCPU has registers that no table of {arch} has:")?;
                ids.iter().try_for_each(|id| write!(f, " {id:#018x}"))?;
                f.write_str(": add their rows, or carry or skip them")
            }
            CaptureError::Unreadable(errors) => {
                for (index, error) in errors.iter().enumerate() {
                    write!(f, "{}{error}", if index == 0 { "" } else { "; " })?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for CaptureError {}

impl VcpuState {
    /// Reads every register that `vcpu` has: those of `present`, which follow `unknown` where they have no row.
    ///
    /// Phases are read backwards, each by one bulk call with the rest: what a read changes is read first. A row that
    /// nobody promised is absent when the kernel says so (ENOENT, EINVAL, ENXIO, ENOTTY, EPERM), a listed one with conditions
    /// only by EINVAL; every other failure is one of the
    /// capture. Hidden and write-only rows are left out.
    ///
    /// # Errors
    ///
    /// Returns the ids without a row, or the registers that could not be read and why.
    pub fn capture<A: Arch>(
        vcpu: &(impl Registers<A> + ?Sized),
        present: Present<'_>,
        unknown: Unknown,
    ) -> Result<Capture, CaptureError> {
        let Selection { mut selected, unknown: ids } = select::select::<A>(vcpu.host(), present);
        let skipped = match unknown {
            Unknown::Refuse if !ids.is_empty() => {
                return Err(CaptureError::Unknown { arch: A::TABLE.name, ids });
            }
            Unknown::Refuse | Unknown::Skip => ids,
            Unknown::Carry => {
                selected.extend(ids.into_iter().map(carried));
                Vec::new()
            }
        };
        // Within a phase they are in the table's order already; what has no row comes last.
        selected.sort_by_key(|selected| order::phase_of(selected.info));
        read(vcpu, &selected).map(|(state, absent)| Capture { state, absent, skipped })
    }

    /// Reads the same registers again: from the second time on without a single allocation.
    ///
    /// # Errors
    ///
    /// Returns which registers could not be read and why; the state is then as it was.
    pub fn recapture<A: Arch>(
        &mut self,
        vcpu: &(impl Registers<A> + ?Sized),
    ) -> Result<(), BulkError> {
        let Again { plan, values, blocks } =
            self.again.get_or_insert_with(|| Again::of(&self.entries));
        // What no access of this build reaches stays as it is.
        values.clone_from(&self.values);
        vcpu.read_plan(plan, values, OnFailure::Continue)?;
        let carriers = self.entries.iter().filter_map(Entry::carrier);
        for (carrier, bytes) in carriers.zip(blocks.iter_mut()) {
            vcpu.read_block(carrier, bytes)?;
        }
        mem::swap(&mut self.values, values);
        let known = self.entries.iter_mut().filter(|entry| entry.carrier().is_some());
        for (block, bytes) in known.filter_map(|entry| entry.block.as_mut()).zip(blocks) {
            mem::swap(&mut block.bytes, bytes);
            // Those of a file or a clone have no room to spare.
            bytes.reserve(block.bytes.capacity().saturating_sub(bytes.len()));
        }
        Ok(())
    }
}

/// What a recapture keeps for the next one: how it reads, and the room that it reads into.
#[derive(Clone)]
pub(super) struct Again {
    plan: Plan,
    values: Vec<u8>,
    blocks: Vec<Vec<u8>>,
}

impl Again {
    fn of(entries: &[Entry]) -> Again {
        let carriers = entries.iter().filter_map(Entry::carrier);
        Again {
            plan: entries.iter().rev().filter_map(Entry::slot).collect(),
            values: Vec::new(),
            blocks: carriers.map(|_| Vec::new()).collect(),
        }
    }
}

fn carried(id: u64) -> Selected {
    Selected { place: Place::OneReg(id), info: None, promise: Promise::Firm }
}

/// Reads registers, given in the order of a restore, and keeps those that are there.
fn read<A: Arch>(
    vcpu: &(impl Registers<A> + ?Sized),
    selected: &[Selected],
) -> Result<(VcpuState, Vec<Error>), CaptureError> {
    let plan = Plan::new(vcpu.host(), selected.iter().rev().map(|selected| selected.place));
    let mut buffer = vec![0; plan.size()];
    let failed = vcpu.read_plan(&plan, &mut buffer, OnFailure::Continue).err();
    let mut failures: Vec<_> = failed.iter().flat_map(|error| error.failures()).collect();
    failures.sort_by_key(|failure| failure.position);
    let mut state = VcpuState {
        table: A::TABLE,
        origin: Origin::here::<A>(vcpu),
        entries: Vec::with_capacity(selected.len()),
        values: Vec::with_capacity(plan.size()),
        again: None,
    };
    let (mut absent, mut unreadable) = (Vec::new(), Vec::new());
    for (selected, (position, slot)) in selected.iter().zip(plan.slots().iter().enumerate().rev()) {
        let failed = failures.pop_if(|failure| failure.position == position);
        match failed.map(|failure| failure.error) {
            None => state.push(selected, slot.bytes(&buffer)),
            Some(error) if says_absent(selected.promise, error.kind()) => absent.push(error),
            Some(error) => unreadable.push(error),
        }
    }
    for carrier in A::TABLE.carriers.iter().filter(|carrier| carrier.block.is_some()) {
        let mut bytes = Vec::new();
        match vcpu.read_block(carrier, &mut bytes) {
            Ok(()) => state.insert_block(carrier, bytes),
            Err(error) if says_absent(Promise::None, error.kind()) => absent.push(error),
            Err(error) => unreadable.push(error),
        }
    }
    if unreadable.is_empty() {
        Ok((state, absent))
    } else {
        Err(CaptureError::Unreadable(unreadable))
    }
}

/// Whether a failed read says that the vCPU has no such register: what each architecture's kernel answers (EPERM is
/// powerpc's for the presenter of an interrupt controller that the VM does not have), and a kernel without the ioctl.
fn says_absent(promise: Promise, kind: ErrorKind) -> bool {
    match (promise, kind) {
        (Promise::Conditional, ErrorKind::Errno(number)) => number == libc::EINVAL,
        (Promise::None, ErrorKind::Errno(number)) => {
            [libc::ENOENT, libc::EINVAL, libc::ENXIO, libc::ENOTTY, libc::EPERM].contains(&number)
        }
        (Promise::None, ErrorKind::Absent) => true,
        _ => false,
    }
}

impl Origin {
    /// This build, and the host of `vcpu`; the kernel is for the caller to say.
    fn here<A: Arch>(vcpu: &(impl Registers<A> + ?Sized)) -> Origin {
        Origin {
            kernel: String::new(),
            table: A::TABLE.kernel.to_owned(),
            library: env!("CARGO_PKG_VERSION").to_owned(),
            host: vcpu.host(),
            big_endian: cfg!(target_endian = "big"),
        }
    }
}

impl VcpuState {
    /// Adds a register at the end of the order; none at an address, which no vCPU has.
    fn push(&mut self, selected: &Selected, value: &[u8]) {
        let Some(key) = Key::of(selected.place, self.origin.host) else { return };
        let (info, start) = (selected.info, self.values.len());
        self.values.extend_from_slice(value);
        self.entries.push(Entry {
            name: Cow::Borrowed(info.map_or("", |info| info.name)),
            key,
            class: info.map_or(Class::State, |info| info.row.class),
            info,
            block: None,
            range: start..self.values.len(),
        });
    }

    /// Adds a block where its phase has it.
    fn insert_block(&mut self, carrier: &'static Carrier, bytes: Vec<u8>) {
        let block = Entry {
            name: Cow::Borrowed(carrier.name),
            key: Key::Block { carrier: Cow::Borrowed(carrier.name) },
            class: Class::State,
            info: None,
            block: Some(Block { carrier: Some(carrier), bytes }),
            range: 0..0,
        };
        let at = self.entries.partition_point(|entry| entry.order() <= block.order());
        self.entries.insert(at, block);
    }
}
