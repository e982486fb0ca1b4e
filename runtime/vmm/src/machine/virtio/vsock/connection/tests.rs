//! One connection between a model of a driver, which counts its credit, and a program of the host.

use std::cell::RefCell;
use std::rc::Rc;

use arbtest::arbitrary::{Result, Unstructured};
use arbtest::arbtest;

use super::super::packet::{Address, HOST};
use super::*;

const ENDS: Ends =
    Ends { host: Address { cid: HOST, port: 1 << 30 }, guest: Address { cid: 3, port: 52 } };

/// Most bytes in one direction of a pipe.
const PIPE: usize = 3000;

/// The bytes of a direction, none of whose pieces is as another one.
fn text(range: std::ops::Range<usize>) -> Vec<u8> {
    range.map(|index| (index ^ index >> 8 ^ index >> 16).to_le_bytes()[0]).collect()
}

/// What is between a connection and a program of the host.
#[derive(Default)]
struct Pipe {
    to_guest: VecDeque<u8>,
    to_program: VecDeque<u8>,
    program_sends_no_more: bool,
    program_is_gone: bool,
    guest_sends_no_more: bool,
    guest_takes_no_more: bool,
}

#[derive(Clone, Default)]
struct End(Rc<RefCell<Pipe>>);

impl Read for End {
    fn read(&mut self, data: &mut [u8]) -> io::Result<usize> {
        let mut pipe = self.0.borrow_mut();
        match pipe.to_guest.read(data)? {
            0 if !pipe.program_sends_no_more => Err(ErrorKind::WouldBlock.into()),
            length => Ok(length),
        }
    }
}

impl Write for End {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let mut pipe = self.0.borrow_mut();
        assert!(!pipe.guest_sends_no_more, "nothing comes behind the end");
        let room = PIPE - pipe.to_program.len();
        match (pipe.program_is_gone, room) {
            (true, _) => Err(ErrorKind::BrokenPipe.into()),
            (_, 0) => Err(ErrorKind::WouldBlock.into()),
            _ => pipe.to_program.write(&data[..data.len().min(room)]),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for End {
    fn shut_down(&self, how: Shutdown) {
        let mut pipe = self.0.borrow_mut();
        assert!(how != Shutdown::Write || !pipe.guest_sends_no_more, "it is told once");
        pipe.guest_sends_no_more |= how != Shutdown::Read;
        pipe.guest_takes_no_more |= how != Shutdown::Write;
    }
}

/// Both sides of a connection, and what each has sent and got.
struct World {
    connection: Connection<End>,
    pipe: End,
    /// Bytes that the driver has room for.
    guest_room: u32,
    guest_sent: usize,
    guest_got: usize,
    guest_read: usize,
    program_sent: usize,
    program_got: usize,
    /// What the device last told the driver of its room, and of what was taken.
    told: (u32, u32),
    told_end: u32,
    guest_end: u32,
}

impl World {
    /// A connection that is open; the guest asked for it.
    fn open(guest_room: u32) -> World {
        let request = Header {
            from: ENDS.guest,
            to: ENDS.host,
            operation: operation::REQUEST,
            room: guest_room,
            ..Header::default()
        };
        let pipe = End::default();
        let connection = Connection::from_guest(pipe.clone(), &request);
        let mut world = World {
            connection,
            pipe,
            guest_room,
            guest_sent: 0,
            guest_got: 0,
            guest_read: 0,
            program_sent: 0,
            program_got: 0,
            told: (0, 0),
            told_end: 0,
            guest_end: 0,
        };
        assert_eq!(world.next(&mut []), Some(operation::RESPONSE));
        world
    }

    /// Has the guest send a packet.
    fn send(&mut self, operation: u16, flags: u32, data: &[u8]) {
        let header = Header {
            from: ENDS.guest,
            to: ENDS.host,
            length: data.len() as u32,
            kind: STREAM,
            operation,
            flags,
            room: self.guest_room,
            taken: self.guest_read as u32,
        };
        self.connection.take(&header, data);
        assert!(self.connection.kept() <= ROOM as usize);
    }

    /// Has the guest send as much of so many bytes as its credit allows.
    fn send_data(&mut self, most: usize) {
        let (room, taken) = self.told;
        let credit = room as usize - (self.guest_sent - taken as usize);
        let length = most.min(credit);
        if self.guest_end & SENDS_NO_MORE == 0 && 0 < length {
            self.guest_sent += length;
            let data = text(self.guest_sent - length..self.guest_sent);
            self.send(operation::DATA, 0, &data);
        }
    }

    /// Takes the next packet of the device.
    fn next(&mut self, buffer: &mut [u8]) -> Option<u16> {
        let header = self.connection.next(buffer)?;
        assert_eq!((header.from, header.to, header.kind), (ENDS.host, ENDS.guest, STREAM));
        self.told = (header.room, header.taken);
        let data = &buffer[..header.length as usize];
        if header.operation == operation::DATA {
            assert_eq!(*data, text(self.guest_got..self.guest_got + data.len()));
            self.guest_got += data.len();
            let unread = self.guest_got - self.guest_read;
            assert!(unread <= self.guest_room as usize, "the guest has no room");
            assert_eq!(self.guest_end & TAKES_NO_MORE, 0, "the guest takes no more");
            assert_eq!(self.told_end & SENDS_NO_MORE, 0, "nothing comes behind the end");
        } else {
            assert_eq!(data.len(), 0);
        }
        if header.operation == operation::SHUTDOWN {
            self.told_end |= header.flags;
        }
        Some(header.operation)
    }

    fn pipe(&self) -> std::cell::RefMut<'_, Pipe> {
        self.pipe.0.borrow_mut()
    }

    /// Has the program write as much of so many bytes as the pipe takes.
    fn write(&mut self, most: usize) {
        let mut pipe = self.pipe();
        let length = most.min(PIPE - pipe.to_guest.len());
        if !pipe.program_sends_no_more && !pipe.guest_takes_no_more {
            pipe.to_guest.extend(text(self.program_sent..self.program_sent + length));
            drop(pipe);
            self.program_sent += length;
            self.connection.wake(false);
        }
    }

    /// Has the program read what there is of so many bytes.
    fn read(&mut self, most: usize) {
        let mut pipe = self.pipe();
        let length = most.min(pipe.to_program.len());
        let read: Vec<u8> = pipe.to_program.drain(..length).collect();
        drop(pipe);
        assert_eq!(read, text(self.program_got..self.program_got + length));
        self.program_got += length;
        self.connection.wake(false);
    }

    /// Has the guest end what the flags say.
    fn end(&mut self, flags: u32) {
        self.guest_end |= flags;
        self.send(operation::SHUTDOWN, flags, &[]);
    }

    /// Has the program end what it sends.
    fn close(&mut self) {
        self.pipe().program_sends_no_more = true;
        self.connection.wake(false);
    }

    /// Has both sides read everything, until nothing moves.
    fn settle(&mut self, buffer: &mut [u8]) {
        loop {
            let before = (self.guest_got, self.program_got, self.told_end);
            self.read(usize::MAX);
            self.guest_read = self.guest_got;
            self.send(operation::CREDIT_UPDATE, 0, &[]);
            while self.next(buffer).is_some_and(|operation| operation != operation::RESET) {}
            if before == (self.guest_got, self.program_got, self.told_end) {
                return;
            }
        }
    }
}

/// A length near the edges of what there is.
fn length(u: &mut Unstructured<'_>) -> Result<usize> {
    Ok(*u.choose(&[0, 1, 2, 100, PIPE - 1, PIPE, PIPE + 1, ROOM as usize - 1, ROOM as usize])?)
}

#[test]
fn no_byte_is_lost_doubled_or_moved_and_nobody_gets_more_than_there_is_room_for() {
    let mut buffer = vec![0; ROOM as usize];
    arbtest(|u| {
        let mut world = World::open(*u.choose(&[1, 100, 4096, 256 << 10])?);
        for _ in 0..u.int_in_range(0..=60)? {
            match u.int_in_range(0..=15)? {
                0..=2 => world.send_data(length(u)?),
                3..=5 => world.write(length(u)?),
                6..=8 => {
                    let most = length(u)?;
                    world.next(&mut buffer[..most]);
                }
                9..=10 => world.read(length(u)?),
                11..=12 => {
                    let unread = world.guest_got - world.guest_read;
                    world.guest_read += unread.min(length(u)?);
                    if u.arbitrary()? {
                        world.send(operation::CREDIT_UPDATE, 0, &[]);
                    }
                }
                13 => world.send(operation::CREDIT_REQUEST, 0, &[]),
                14 if u.ratio(1, 8)? => world.end(SENDS_NO_MORE),
                15 if u.ratio(1, 8)? => world.close(),
                _ => {}
            }
        }
        world.settle(&mut buffer);
        assert_eq!(world.guest_got, world.program_sent);
        assert_eq!(world.program_got, world.guest_sent);
        let (guest_ends, program_ends) =
            (world.guest_end & SENDS_NO_MORE != 0, world.pipe().program_sends_no_more);
        assert_eq!(world.pipe().guest_sends_no_more, guest_ends);
        assert_eq!(world.told_end, if program_ends { SENDS_NO_MORE } else { 0 });
        // Credit comes back, as long as there is any use for it.
        let (room, taken) = world.told;
        assert!(guest_ends || world.guest_sent - taken as usize <= room as usize / 2);
        world.end(SENDS_NO_MORE | TAKES_NO_MORE);
        assert_eq!(world.next(&mut buffer), Some(operation::RESET));
        assert!(world.connection.is_over());
        Ok(())
    })
    .budget_ms(2000);
}

#[test]
fn what_was_kept_reaches_a_slow_program_though_the_guest_has_gone() {
    let mut world = World::open(4096);
    world.send_data(ROOM as usize);
    world.send(operation::RESET, 0, &[]);
    assert!(!world.connection.is_over());
    while !world.connection.is_over() {
        world.read(usize::MAX);
    }
    world.read(usize::MAX);
    assert_eq!(world.program_got, ROOM as usize);
    assert_eq!(world.next(&mut []), None);
}

#[test]
fn what_a_gone_program_said_arrives_and_the_guest_is_told_to_send_no_more() {
    let mut world = World::open(4096);
    world.write(100);
    {
        let mut pipe = world.pipe();
        pipe.program_sends_no_more = true;
        pipe.program_is_gone = true;
    }
    world.send_data(ROOM as usize);
    world.connection.wake(true);
    let mut buffer = [0; 4096];
    assert_eq!(world.next(&mut buffer), Some(operation::DATA));
    assert_eq!(world.next(&mut buffer), Some(operation::SHUTDOWN));
    assert_eq!(world.told_end, SENDS_NO_MORE | TAKES_NO_MORE);
    assert_eq!(world.told.1, ROOM, "what nobody reads takes no room");
    assert_eq!(world.next(&mut buffer), None);
    world.send(operation::RESET, 0, &[]);
    assert!(world.connection.is_over());
}

#[test]
fn a_program_hears_of_its_connection_before_the_guest_says_anything() {
    let mut connection = Connection::to_guest(End::default(), ENDS);
    let end = connection.host.stream.clone();
    let next = |connection: &mut Connection<End>| {
        connection.next(&mut []).map(|header| (header.operation, header.room))
    };
    assert_eq!(next(&mut connection), Some((operation::REQUEST, ROOM)));
    assert_eq!(next(&mut connection), None);
    let said = |operation| Header { operation, room: 1000, ..Header::default() };
    connection.take(&said(operation::RESPONSE), &[]);
    connection.take(&said(operation::DATA), b"text");
    assert_eq!(end.0.borrow().to_program, b"OK 1073741824\ntext");
}

#[test]
fn a_program_that_leaves_early_is_no_connection() {
    let mut connection = Connection::to_guest(End::default(), ENDS);
    connection.wake(true);
    assert!(connection.is_over(), "the guest never heard of it");
    let mut connection = Connection::to_guest(End::default(), ENDS);
    connection.next(&mut []);
    connection.wake(true);
    let next = connection.next(&mut []).map(|header| header.operation);
    assert_eq!(next, Some(operation::RESET));
    assert!(connection.is_over());
}

#[test]
fn what_a_driver_must_not_send_ends_the_connection() {
    let too_much = vec![0; PIPE + 1 + ROOM as usize];
    let cases: [(u16, &[u8]); 5] = [
        (operation::REQUEST, &[]),
        (operation::RESPONSE, &[]),
        (operation::DATA, &too_much),
        (0, &[]),
        (8, &[]),
    ];
    for (operation, data) in cases {
        let mut world = World::open(4096);
        world.send(operation, 0, data);
        assert_eq!(world.next(&mut []), Some(operation::RESET), "{operation}");
        assert!(world.connection.is_over() && world.pipe().guest_sends_no_more);
    }
    let mut world = World::open(4096);
    world.end(SENDS_NO_MORE);
    world.send(operation::DATA, 0, b"more");
    assert_eq!(world.next(&mut []), Some(operation::RESET));
}

#[test]
fn what_the_guest_takes_no_more_is_not_read() {
    let mut world = World::open(4096);
    world.end(TAKES_NO_MORE);
    assert!(world.pipe().guest_takes_no_more && !world.pipe().guest_sends_no_more);
    world.pipe().to_guest.extend(b"more");
    world.connection.wake(false);
    assert_eq!(world.next(&mut [0; 64]), None);
    world.send_data(10);
    world.read(10);
    assert_eq!(world.program_got, 10);
}

#[test]
fn room_is_asked_for_once_where_there_is_none() {
    let mut world = World::open(100);
    let mut buffer = [0; 4096];
    world.write(150);
    assert_eq!(world.next(&mut buffer), Some(operation::DATA));
    assert_eq!(world.next(&mut buffer), Some(operation::CREDIT_REQUEST));
    assert_eq!(world.next(&mut buffer), None);
    world.send(operation::CREDIT_UPDATE, 0, &[]);
    assert_eq!(world.next(&mut buffer), None);
    world.guest_read = 100;
    world.send(operation::CREDIT_UPDATE, 0, &[]);
    assert_eq!(world.next(&mut buffer), Some(operation::DATA));
    assert_eq!(world.guest_got, 150);
}

#[test]
fn counts_go_round() {
    let mut world = World::open(4096);
    world.connection.sent = u32::MAX - 10;
    world.connection.guest_taken = u32::MAX - 10;
    assert_eq!(world.connection.credit(), 4096);
    world.connection.sent = 5;
    assert_eq!(world.connection.credit(), 4096 - 16);
    // A driver that says it has read what it never got gets nothing.
    world.connection.guest_taken = 6;
    assert_eq!(world.connection.credit(), 0);
}
