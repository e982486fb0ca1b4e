//! A PLIC: the interrupt controller of riscv where KVM has none.
//!
//! A source asks when its line goes up, and again when it is completed while its line is up: an edge is not lost, and a
//! level asks until the device is served. Each context is the external interrupt of a vCPU.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::failure::Failure;
use crate::machine::bus::{Action, Device};

/// Sources: numbers from 1 to this one.
pub(super) const SOURCES: u32 = 63;

/// Bits of a priority and of a threshold.
const PRIORITY: u32 = 7;

/// Where the kinds of registers begin, and how far those of contexts are apart.
const PENDING: u64 = 0x1000;
const ENABLED: u64 = 0x2000;
const ENABLED_APART: u64 = 0x80;
const CONTEXTS: u64 = 0x20_0000;
const CONTEXTS_APART: u64 = 0x1000;

/// What takes the level of an external interrupt.
pub(super) type Output = Box<dyn Fn(bool) + Send>;

/// The controller. Threads of devices raise its lines, vCPUs reach its registers.
pub(crate) struct Plic(Mutex<State>);

/// Sources are bits; source 0 is none.
struct State {
    lines: u64,
    /// Sources that want to be served, also while they are.
    asking: u64,
    /// Sources that were claimed and not completed.
    claimed: u64,
    priorities: [u32; SOURCES as usize + 1],
    contexts: Vec<Context>,
}

struct Context {
    enabled: u64,
    threshold: u32,
    is_raised: bool,
    output: Output,
}

/// A register; those of 64 sources are halves.
enum Register {
    Priority(usize),
    Pending(u64),
    Enabled { context: usize, half: u64 },
    Threshold(usize),
    Claim(usize),
}

impl Plic {
    /// Makes a controller without contexts.
    pub(super) fn new() -> Plic {
        Plic(Mutex::new(State {
            lines: 0,
            asking: 0,
            claimed: 0,
            priorities: [0; SOURCES as usize + 1],
            contexts: Vec::new(),
        }))
    }

    /// Adds a context for each output, all of which are low.
    pub(super) fn connect(&self, outputs: impl IntoIterator<Item = Output>) {
        let context = |output| Context { enabled: 0, threshold: 0, is_raised: false, output };
        self.lock().contexts.extend(outputs.into_iter().map(context));
    }

    /// Returns how many bytes its registers take.
    pub(super) fn length(&self) -> u64 {
        CONTEXTS + CONTEXTS_APART * self.lock().contexts.len() as u64
    }

    /// Raises the line of a source.
    pub(super) fn raise(&self, source: u32) {
        let mut state = self.lock();
        let rising = bit(source) & !state.lines;
        state.lines |= rising;
        state.asking |= rising;
        state.drive_outputs();
    }

    /// Lowers the line of a source, which goes on asking if it was raised since it was claimed.
    pub(super) fn lower(&self, source: u32) {
        self.lock().lines &= !bit(source);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn pending(&self) -> u64 {
        self.asking & !self.claimed
    }

    /// Gives a context its first source, whatever its threshold, or 0.
    fn claim(&mut self, context: usize) -> u32 {
        let enabled = self.contexts.get(context).map_or(0, |context| context.enabled);
        let Some((source, _)) = first(self.pending() & enabled, &self.priorities) else { return 0 };
        self.asking &= !bit(source);
        self.claimed |= bit(source);
        source
    }

    /// Takes a source back from a context that has it enabled. It asks again if its line is up.
    fn complete(&mut self, context: usize, source: u32) {
        let enabled = self.contexts.get(context).map_or(0, |context| context.enabled);
        let completed = bit(source) & enabled & self.claimed;
        self.claimed &= !completed;
        self.asking |= completed & self.lines;
    }

    /// Raises and lowers the outputs that have changed.
    fn drive_outputs(&mut self) {
        let pending = self.pending();
        for context in &mut self.contexts {
            let first = first(pending & context.enabled, &self.priorities);
            let is_raised = first.is_some_and(|(_, priority)| context.threshold < priority);
            if context.is_raised != is_raised {
                context.is_raised = is_raised;
                (context.output)(is_raised);
            }
        }
    }

    fn read(&mut self, register: &Register) -> u32 {
        let context = |index: usize| self.contexts.get(index);
        match *register {
            Register::Priority(source) => self.priorities.get(source).copied().unwrap_or(0),
            Register::Pending(half) => word(self.pending(), half),
            Register::Enabled { context: index, half } => {
                context(index).map_or(0, |context| word(context.enabled, half))
            }
            Register::Threshold(index) => context(index).map_or(0, |context| context.threshold),
            Register::Claim(context) => self.claim(context),
        }
    }

    fn write(&mut self, register: &Register, value: u32) {
        match *register {
            Register::Priority(0) | Register::Pending(_) => {}
            Register::Priority(source) => {
                if let Some(priority) = self.priorities.get_mut(source) {
                    *priority = value & PRIORITY;
                }
            }
            Register::Enabled { context, half } => {
                if let Some(context) = self.contexts.get_mut(context) {
                    context.enabled = with_word(context.enabled, half, value) & !1;
                }
            }
            Register::Threshold(context) => {
                if let Some(context) = self.contexts.get_mut(context) {
                    context.threshold = value & PRIORITY;
                }
            }
            Register::Claim(context) => self.complete(context, value),
        }
    }
}

impl Device for Plic {
    /// Answers a read of a register: they are words.
    fn read(&self, offset: u64, data: &mut [u8]) {
        let mut state = self.lock();
        match (register(offset), data.len()) {
            (Some(register), 4) => data.copy_from_slice(&state.read(&register).to_le_bytes()),
            _ => data.fill(0),
        }
        state.drive_outputs();
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<Action, Failure> {
        if let (Some(register), Ok(value)) = (register(offset), data.try_into()) {
            let mut state = self.lock();
            state.write(&register, u32::from_le_bytes(value));
            state.drive_outputs();
        }
        Ok(Action::Continue)
    }
}

/// Returns the source that goes first, with its priority: of those with the highest, the lowest. Priority 0 is never.
fn first(sources: u64, priorities: &[u32]) -> Option<(u32, u32)> {
    let wanted = (0..).zip(priorities).filter(|(source, _)| sources & bit(*source) != 0);
    let first = wanted.max_by_key(|(source, priority)| (**priority, Reverse(*source)));
    first.map(|(source, priority)| (source, *priority)).filter(|(_, priority)| 0 < *priority)
}

/// Returns the bit of a source, none for 0 and for one that there is not.
fn bit(source: u32) -> u64 {
    1_u64.checked_shl(source).unwrap_or(0) & !1
}

/// Returns a half of the bits: the low, then the high one.
fn word(bits: u64, half: u64) -> u32 {
    match half {
        0 => bits as u32,
        1 => (bits >> 32) as u32,
        _ => 0,
    }
}

fn with_word(bits: u64, half: u64, value: u32) -> u64 {
    match half {
        0 => bits & !u64::from(u32::MAX) | u64::from(value),
        1 => bits & u64::from(u32::MAX) | u64::from(value) << 32,
        _ => bits,
    }
}

fn register(offset: u64) -> Option<Register> {
    if !offset.is_multiple_of(4) {
        return None;
    }
    Some(match offset {
        ..PENDING => Register::Priority((offset / 4) as usize),
        PENDING..ENABLED => Register::Pending((offset - PENDING) / 4),
        ENABLED..CONTEXTS => {
            let offset = offset - ENABLED;
            let context = (offset / ENABLED_APART) as usize;
            Register::Enabled { context, half: offset % ENABLED_APART / 4 }
        }
        CONTEXTS.. => {
            let offset = offset - CONTEXTS;
            let context = (offset / CONTEXTS_APART) as usize;
            match offset % CONTEXTS_APART {
                0 => Register::Threshold(context),
                4 => Register::Claim(context),
                _ => return None,
            }
        }
    })
}
