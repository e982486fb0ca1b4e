//! A function as the guest's PCI code finds it: where its registers are, and how its interrupts are sent.

use vm_memory::GuestAddress;

use super::super::device::{Kind, VirtioDevice};
use super::super::fault::GuestFault;
use super::super::interrupt::{Cause, Interrupt};
use super::super::queues::Queues;
use super::*;
use crate::machine::wires::{Line, Message};

const SENDER: u32 = 24;
const BASE: u32 = 0xd000_4000;

/// What a guest sees of a function first.
const COMMAND: u64 = 0x04;
const BAR: u64 = 0x10;
const CAPABILITIES: u64 = 0x34;

/// A device that does nothing.
struct Idle;

impl VirtioDevice for Idle {
    fn kind(&self) -> Kind {
        Kind { id: 4, name: "idle", class: [1, 2, 3] }
    }

    fn features(&self) -> u64 {
        0
    }

    fn queue_sizes(&self) -> &[u16] {
        &[8, 8]
    }

    fn read_config(&self, offset: u64, data: &mut [u8]) {
        super::super::device::copy_config(b"config", offset, data);
    }

    fn notified(&mut self, _: usize, _: &mut Queues) -> Result<(), GuestFault> {
        Ok(())
    }
}

/// Keeps messages, which line is up, and where bells are.
#[derive(Default)]
struct Recorder {
    sent: Mutex<Vec<Message>>,
    raised: Mutex<Option<u32>>,
    bells: Mutex<Vec<u64>>,
}

impl Wires for Recorder {
    fn takes_messages(&self) -> bool {
        true
    }

    fn raise(&self, line: u32) {
        *self.raised.lock().unwrap() = Some(line);
    }

    fn lower(&self, _: u32) {
        *self.raised.lock().unwrap() = None;
    }

    fn send(&self, message: Message) {
        self.sent.lock().unwrap().push(message);
    }

    fn connect(&self, bell: Bell, _: &EventFd) {
        self.bells.lock().unwrap().push(bell.address);
    }

    fn disconnect(&self, bell: Bell, _: &EventFd) {
        self.bells.lock().unwrap().retain(|address| *address != bell.address);
    }
}

impl Recorder {
    fn sent(&self) -> Vec<Message> {
        std::mem::take(&mut self.sent.lock().unwrap())
    }

    fn raised(&self) -> Option<u32> {
        *self.raised.lock().unwrap()
    }

    fn bells(&self) -> Vec<u64> {
        self.bells.lock().unwrap().clone()
    }
}

/// Makes a function, with a line where one is given.
fn function_on(line: Option<u32>) -> (VirtioPci, Arc<Recorder>) {
    let memory = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 1 << 20)]).unwrap();
    let wires = Arc::new(Recorder::default());
    let device = Box::new(Idle);
    let recorder = || Arc::<Recorder>::clone(&wires);
    let way = match line {
        Some(line) => Way::Line(Line::new(recorder(), line)),
        None => Way::Messages(SENDER),
    };
    let name = "virtio-idle0".to_owned();
    let function = VirtioPci::new(name, device, Arc::new(memory), recorder(), way);
    (function.unwrap(), wires)
}

fn function() -> (VirtioPci, Arc<Recorder>) {
    function_on(None)
}

fn configuration<const N: usize>(function: &VirtioPci, offset: u64) -> [u8; N] {
    let mut data = [0; N];
    function.read_configuration(offset, &mut data);
    data
}

fn register<const N: usize>(function: &VirtioPci, offset: u64) -> [u8; N] {
    let mut data = [0; N];
    function.read(offset, &mut data);
    data
}

/// Lists the capabilities: kind, offset.
fn capabilities(function: &VirtioPci) -> Vec<(u8, u64)> {
    let mut found = Vec::new();
    let [mut next] = configuration::<1>(function, CAPABILITIES);
    while next != 0 {
        let at = u64::from(next);
        let [kind, after] = configuration(function, at);
        found.push((kind, at));
        next = after;
    }
    found
}

/// Finds one of virtio's capabilities: its offset, and offset and length of the registers.
fn part(function: &VirtioPci, kind: u8) -> (u64, u64, u64) {
    let mut all = capabilities(function).into_iter().filter(|(kind, _)| *kind == 9);
    let is_it = |at: &(u8, u64)| configuration::<4>(function, at.1)[3] == kind;
    let (_, at) = all.find(is_it).unwrap();
    let word = |offset| u64::from(u32::from_le_bytes(configuration(function, at + offset)));
    (at, word(8), word(12))
}

#[test]
fn the_header_says_what_it_is_and_how_much_room_it_needs() {
    let (function, _) = function();
    assert_eq!(configuration::<4>(&function, 0), [0xf4, 0x1a, 0x44, 0x10]);
    assert_eq!(configuration::<4>(&function, 8), [1, 3, 2, 1]);
    assert_eq!(
        capabilities(&function).iter().map(|it| it.0).collect::<Vec<_>>(),
        [17, 9, 9, 9, 9, 9]
    );
    function.write_configuration(BAR, &[0xff; 4]);
    assert_eq!(configuration::<4>(&function, BAR), [0, 0xc0, 0xff, 0xff]);
    function.write_configuration(0, &[0xff; 4]);
    assert_eq!(configuration::<2>(&function, 0), [0xf4, 0x1a]);
    assert_eq!(configuration::<4>(&function, 0x100), [0; 4], "no extended capability");
}

#[test]
fn the_registers_and_bells_are_where_the_guest_puts_them() {
    let (function, wires) = function();
    function.write_configuration(BAR, &BASE.to_le_bytes());
    assert_eq!((function.find(BASE.into()), wires.bells().len()), (None, 0));
    function.write_configuration(COMMAND, &[2, 0]);
    let base = u64::from(BASE);
    assert_eq!(function.find(base + 0x3fff), Some(0x3fff));
    assert_eq!([base - 1, base + 0x4000].map(|address| function.find(address)), [None; 2]);
    let (at, notify, _) = part(&function, 2);
    let apart = u64::from(u32::from_le_bytes(configuration(&function, at + 16)));
    assert_eq!(wires.bells(), [base + notify, base + notify + apart]);
    function.write_configuration(BAR + 2, &[0x10, 0xd1]);
    assert_eq!(function.find(0xd110_4000), Some(0));
    assert_eq!(wires.bells(), [0xd110_4000 + notify, 0xd110_4000 + notify + apart]);
    function.write_configuration(COMMAND, &[0, 0]);
    assert_eq!((function.find(0xd110_4000), wires.bells().len()), (None, 0));
}

#[test]
fn registers_are_reached_through_the_configuration_space_too() {
    let (function, _) = function();
    let (at, ..) = part(&function, 5);
    let (_, config, length) = part(&function, 4);
    assert_eq!((register(&function, config), length), (*b"config\0\0", 0x1000));
    let reach = |offset: u64, length: u8| {
        function.write_configuration(at + 8, &(offset as u32).to_le_bytes());
        function.write_configuration(at + 12, &[length, 0, 0, 0]);
        configuration::<4>(&function, at + 16)
    };
    assert_eq!(reach(config + 1, 4), *b"onfi");
    assert_eq!(reach(config, 2)[..2], *b"co");
    assert_eq!(reach(0x14, 1)[0], 0);
    function.write_configuration(at + 16, &[1]);
    assert_eq!(register(&function, 0x14), [1], "the status");
}

/// Fills an entry of the table.
fn fill(function: &VirtioPci, entry: u64, data: u32, control: u32) {
    let words = [0xfee0_0000, 1, data, control].map(u32::to_le_bytes);
    function.write(registers::TABLE.offset + 16 * entry, words.as_flattened());
}

/// Gives causes their messages, and says what the guest reads back.
fn assign(function: &VirtioPci, queue: u16, message: u16) -> [u8; 2] {
    function.write(0x16, &queue.to_le_bytes());
    function.write(0x1a, &message.to_le_bytes());
    register(function, 0x1a)
}

fn message(data: u32) -> Message {
    Message { sender: SENDER, address: 0x1_fee0_0000, data }
}

/// Message control: on; on, but all wait.
const ON: [u8; 2] = [2, 0x80];
const WAIT: [u8; 2] = [2, 0xc0];

#[test]
fn a_cause_sends_its_message() {
    let (function, wires) = function();
    let (_, at) = capabilities(&function)[0];
    assert_eq!(configuration::<2>(&function, at + 2), [2, 0], "a message for each cause");
    function.write_configuration(at + 2, &ON);
    (0..3).for_each(|entry| fill(&function, entry, 70 + entry as u32, 0));
    assert_eq!(assign(&function, 0, 1), [1, 0]);
    assert_eq!(assign(&function, 1, 2), [2, 0]);
    assert_eq!(assign(&function, 1, 3), [0xff; 2], "there is no fourth message");
    assert_eq!(assign(&function, 2, 1), [0xff; 2], "there is no third queue");
    function.write(0x10, &[0, 0]);
    assert_eq!(register(&function, 0x10), [0, 0]);
    for cause in [Cause::Queue(0), Cause::Queue(1), Cause::Config] {
        function.messages.raise(cause);
    }
    assert_eq!(wires.sent(), [message(71), message(70)]);
    assert_eq!(register(&function, registers::CAUSES.offset), [0]);
}

#[test]
fn a_message_waits_while_it_is_masked() {
    let (function, wires) = function();
    let (_, at) = capabilities(&function)[0];
    function.write_configuration(at + 2, &ON);
    assign(&function, 0, 1);
    fill(&function, 1, 7, 1);
    function.messages.raise(Cause::Queue(0));
    function.messages.raise(Cause::Queue(0));
    assert_eq!((wires.sent(), register(&function, registers::PENDING.offset)), (vec![], [2]));
    fill(&function, 1, 8, 0);
    assert_eq!(
        (wires.sent(), register(&function, registers::PENDING.offset)),
        (vec![message(8)], [0])
    );
    function.write_configuration(at + 2, &WAIT);
    function.messages.raise(Cause::Queue(0));
    assert!(wires.sent().is_empty());
    function.write_configuration(at + 2, &ON);
    assert_eq!(wires.sent(), [message(8)]);
}

#[test]
fn a_reset_takes_the_messages_back() {
    let (function, wires) = function();
    let (_, at) = capabilities(&function)[0];
    function.write_configuration(at + 2, &ON);
    fill(&function, 1, 7, 0);
    assign(&function, 0, 1);
    function.write(0x14, &[0]);
    function.messages.raise(Cause::Queue(0));
    assert!(wires.sent().is_empty());
    assert_eq!(assign(&function, 0, 0xffff), [0xff; 2]);
}

#[test]
fn without_messages_the_guest_asks_for_causes() {
    let (function, wires) = function();
    function.messages.raise(Cause::Queue(1));
    function.messages.raise(Cause::Config);
    assert_eq!((wires.sent(), wires.raised()), (vec![], None));
    assert_eq!(register(&function, registers::CAUSES.offset), [3]);
    assert_eq!(register(&function, registers::CAUSES.offset), [0], "it has been told");
}

/// Status in configuration space: there are capabilities; and the line is wanted to be up.
const QUIET: u8 = 0x10;
const WANTS: u8 = 0x18;

#[test]
fn a_line_is_up_until_the_guest_has_asked_for_the_causes() {
    const STATUS: u64 = 0x06;
    let (function, wires) = function_on(Some(19));
    let line = || (wires.raised(), configuration::<1>(&function, STATUS)[0]);
    assert!(capabilities(&function).iter().all(|it| it.0 == 9), "there are no messages");
    assert_eq!(configuration::<2>(&function, 0x3c), [0, 1], "pin A");
    assert_eq!(assign(&function, 0, 0), [0xff; 2], "there is no first message");
    assert_eq!(line(), (None, QUIET));
    for cause in [Cause::Queue(1), Cause::Config] {
        function.messages.raise(cause);
        assert_eq!(line(), (Some(19), WANTS));
    }
    assert_eq!(register(&function, registers::CAUSES.offset), [3]);
    assert_eq!(line(), (None, QUIET));
    function.messages.raise(Cause::Queue(0));
    function.write_configuration(COMMAND, &[0, 4]);
    assert_eq!(line(), (None, WANTS), "it is switched off");
    function.write_configuration(COMMAND, &[0, 0]);
    assert_eq!(line(), (Some(19), WANTS));
    function.write(0x14, &[0]);
    assert_eq!(line(), (None, QUIET), "a reset takes the causes back");
    assert_eq!((wires.sent(), register(&function, registers::CAUSES.offset)), (vec![], [0]));
}

#[test]
fn a_write_that_is_no_event_serves_the_queue_all_the_same() {
    let (function, _) = function();
    function.write(registers::NOTIFY.offset + 4, &[1, 0]);
    let read = |queue: usize| function.kicks[queue].read().map_err(|error| error.kind());
    assert_eq!(read(1), Ok(1));
    assert_eq!(read(0), Err(io::ErrorKind::WouldBlock));
}
