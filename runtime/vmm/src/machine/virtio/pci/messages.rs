//! The interrupts of a function: messages, from a table that the driver fills, or else causes that it asks for, and a
//! line that is up while there are any, where the interrupt controller takes no messages.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::interrupt::{Cause, Interrupt};
use crate::machine::wires::{Line, Message, Wires};

/// Bytes of a table entry: address, data, control.
const ENTRY: u64 = 16;

/// Control of an entry: its message waits.
const MASKED: u32 = 1;

/// What stands for no message.
const NONE: u16 = 0xffff;

/// Causes, as the driver reads them.
const QUEUE: u8 = 1;
const CONFIG: u8 = 2;

/// How a function interrupts.
pub(in super::super) enum Way {
    /// By messages, which have that sender.
    Messages(u32),
    /// By a line.
    Line(Line),
}

/// The interrupts of a function.
pub(super) struct Messages {
    way: Way,
    wires: Arc<dyn Wires>,
    state: Mutex<State>,
}

struct State {
    is_on: bool,
    all_wait: bool,
    is_line_off: bool,
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
    /// Makes one message for the configuration and one for each queue, all masked, or none where there is a line.
    pub(super) fn new(queues: usize, way: Way, wires: Arc<dyn Wires>) -> Messages {
        let count = match way {
            Way::Messages(_) => queues + 1,
            Way::Line(_) => 0,
        };
        let state = State {
            is_on: false,
            all_wait: false,
            is_line_off: false,
            table: vec![[0, 0, 0, MASKED]; count],
            pending: 0,
            of_config: NONE,
            of_queues: vec![NONE; queues],
            causes: 0,
        };
        Messages { way, wires, state: Mutex::new(state) }
    }

    /// Forgets which causes have which messages, as the device is reset. The table is not the device's.
    pub(super) fn reset(&self) {
        let mut state = self.lock();
        state.of_config = NONE;
        state.of_queues.fill(NONE);
        state.causes = 0;
        self.drive_line(&state);
    }

    /// Returns how many messages there are.
    pub(super) fn count(&self) -> u16 {
        self.lock().table.len() as u16
    }

    /// Switches messages on or off, and has all of them wait or go.
    pub(super) fn switch(&self, is_on: bool, all_wait: bool) {
        let mut state = self.lock();
        (state.is_on, state.all_wait) = (is_on, all_wait);
        self.send_pending(&mut state);
    }

    /// Switches the line off or on.
    pub(super) fn switch_line(&self, is_off: bool) {
        let mut state = self.lock();
        state.is_line_off = is_off;
        self.drive_line(&state);
    }

    /// Says whether there are causes that the line stands for, also where it is off.
    pub(super) fn wants_line(&self) -> bool {
        matches!(self.way, Way::Line(_)) && self.lock().causes != 0
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
        let mut state = self.lock();
        let causes = std::mem::take(&mut state.causes);
        self.drive_line(&state);
        causes
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
        let Way::Messages(sender) = self.way else { return };
        let address = u64::from(*high) << 32 | u64::from(*low);
        self.wires.send(Message { sender, address, data: *data });
        state.pending &= !(1 << message);
    }

    /// Has the line be up while there are causes.
    fn drive_line(&self, state: &State) {
        match &self.way {
            Way::Line(line) if state.causes != 0 && !state.is_line_off => line.raise(),
            Way::Line(line) => line.lower(),
            Way::Messages(_) => {}
        }
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
        self.drive_line(&state);
    }
}
