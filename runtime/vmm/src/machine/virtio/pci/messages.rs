//! The interrupts of a function: messages, from a table that the driver fills, or else causes that it asks for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::interrupt::{Cause, Interrupt};
use crate::machine::wires::{Message, Wires};

/// Bytes of a table entry: address, data, control.
const ENTRY: u64 = 16;

/// Control of an entry: its message waits.
const MASKED: u32 = 1;

/// What stands for no message.
const NONE: u16 = 0xffff;

/// Causes, as the driver reads them.
const QUEUE: u8 = 1;
const CONFIG: u8 = 2;

/// The interrupts of a function.
pub(super) struct Messages {
    sender: u32,
    wires: Arc<dyn Wires>,
    state: Mutex<State>,
}

struct State {
    is_on: bool,
    all_wait: bool,
    table: Vec<Entry>,
    /// Messages that wait: a bit each.
    pending: u64,
    of_config: u16,
    of_queues: Vec<u16>,
    causes: u8,
}

/// What the driver wants to be written, and where: two halves of the address, data, control.
type Entry = [u32; 4];

impl Messages {
    /// Makes one message for the configuration and one for each queue, all masked.
    pub(super) fn new(queues: usize, sender: u32, wires: Arc<dyn Wires>) -> Messages {
        let state = State {
            is_on: false,
            all_wait: false,
            table: vec![[0, 0, 0, MASKED]; queues + 1],
            pending: 0,
            of_config: NONE,
            of_queues: vec![NONE; queues],
            causes: 0,
        };
        Messages { sender, wires, state: Mutex::new(state) }
    }

    /// Forgets which causes have which messages, as the device is reset. The table is not the device's.
    pub(super) fn reset(&self) {
        let mut state = self.lock();
        state.of_config = NONE;
        state.of_queues.fill(NONE);
        state.causes = 0;
    }

    /// Switches messages on or off, and has all of them wait or go.
    pub(super) fn switch(&self, is_on: bool, all_wait: bool) {
        let mut state = self.lock();
        (state.is_on, state.all_wait) = (is_on, all_wait);
        self.send_pending(&mut state);
    }

    pub(super) fn of_config(&self) -> u16 {
        self.lock().of_config
    }

    /// Gives the configuration a message. A number that is none stands for no message.
    pub(super) fn set_of_config(&self, message: u16) {
        let mut state = self.lock();
        state.of_config = state.checked(message);
    }

    pub(super) fn of_queue(&self, queue: u32) -> u16 {
        self.lock().of_queues.get(queue as usize).copied().unwrap_or(NONE)
    }

    pub(super) fn set_of_queue(&self, queue: u32, message: u16) {
        let mut state = self.lock();
        let message = state.checked(message);
        if let Some(slot) = state.of_queues.get_mut(queue as usize) {
            *slot = message;
        }
    }

    /// Returns the causes since the last time.
    pub(super) fn take_causes(&self) -> u8 {
        std::mem::take(&mut self.lock().causes)
    }

    /// Answers a read of the table: words, or two of them.
    pub(super) fn read_table(&self, offset: u64, data: &mut [u8]) {
        data.fill(0);
        let mut state = self.lock();
        for (word, chunk) in (offset / 4..).zip(data.chunks_exact_mut(4)) {
            if let Some(from) = state.word(word) {
                chunk.copy_from_slice(&from.to_le_bytes());
            }
        }
    }

    /// Takes a write to the table.
    pub(super) fn write_table(&self, offset: u64, data: &[u8]) {
        let mut state = self.lock();
        for (word, chunk) in (offset / 4..).zip(data.chunks_exact(4)) {
            if let (Some(to), Ok(new)) = (state.word(word), chunk.try_into()) {
                *to = u32::from_le_bytes(new);
            }
        }
        self.send_pending(&mut state);
    }

    /// Answers a read of the bits of messages that wait.
    pub(super) fn read_pending(&self, offset: u64, data: &mut [u8]) {
        let pending = self.lock().pending.to_le_bytes();
        super::super::device::copy_config(&pending, offset, data);
    }

    fn send_pending(&self, state: &mut State) {
        for message in 0..state.table.len() as u16 {
            if state.pending & 1 << message != 0 {
                self.send(state, message);
            }
        }
    }

    /// Sends a message, or keeps it where it has to wait.
    fn send(&self, state: &mut State, message: u16) {
        let Some([low, high, data, control]) = state.table.get(usize::from(message)) else {
            return;
        };
        if !state.is_on || state.all_wait || control & MASKED != 0 {
            state.pending |= 1 << message;
            return;
        }
        let address = u64::from(*high) << 32 | u64::from(*low);
        self.wires.send(Message { sender: self.sender, address, data: *data });
        state.pending &= !(1 << message);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn checked(&self, message: u16) -> u16 {
        if usize::from(message) < self.table.len() { message } else { NONE }
    }

    /// Returns a word of the table by its number.
    fn word(&mut self, word: u64) -> Option<&mut u32> {
        let entry = usize::try_from(word * 4 / ENTRY).ok()?;
        self.table.get_mut(entry)?.get_mut(word as usize % 4)
    }
}

impl Interrupt for Messages {
    fn raise(&self, cause: Cause) {
        let mut state = self.lock();
        if state.is_on {
            let message = match cause {
                Cause::Queue(queue) => state.of_queues.get(usize::from(queue)).copied(),
                Cause::Config => Some(state.of_config),
            };
            return self.send(&mut state, message.unwrap_or(NONE));
        }
        state.causes |= match cause {
            Cause::Queue(_) => QUEUE,
            Cause::Config => CONFIG,
        };
    }
}
