//! One connection: what the guest and a stream of the host say to each other, and how much each may say.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use super::packet::{Ends, Header, SENDS_NO_MORE, STREAM, TAKES_NO_MORE, operation};

/// Most bytes that the guest may have sent and the host has not taken.
pub(super) const ROOM: u32 = 64 << 10;

/// The host's end of a connection. It never waits.
pub(super) trait Stream: Read + Write {
    /// Ends one direction, or both: nobody is left to hear of an error.
    fn shut_down(&self, how: Shutdown);
}

impl Stream for UnixStream {
    fn shut_down(&self, how: Shutdown) {
        let _ = self.shutdown(how);
    }
}

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The guest is to be asked for it.
    Ask,
    /// The guest was asked for it.
    Asked,
    /// The guest asked for it, and is to be answered.
    Answer,
    Open,
    /// The guest is to be told that it is no more.
    Reset,
    /// The guest ended it, and the host has not taken everything.
    Rest,
    Over,
}

/// What one side still does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Side {
    sends: bool,
    takes: bool,
}

const BOTH: Side = Side { sends: true, takes: true };

/// A connection.
pub(super) struct Connection<S> {
    ends: Ends,
    phase: Phase,
    host: Host<S>,
    guest: Side,
    /// What the guest sent and the host has not taken.
    kept: VecDeque<u8>,
    /// How many bytes the host has taken, and how many of these the guest knows of.
    taken: u32,
    told_taken: u32,
    must_tell_taken: bool,
    /// How many bytes the guest got, and what it last said of its room.
    sent: u32,
    guest_room: u32,
    guest_taken: u32,
    has_asked_for_room: bool,
    /// Flags of what the guest was told of the host's end.
    told_end: u32,
}

/// The host's end, and what is known of it.
struct Host<S> {
    stream: S,
    side: Side,
    /// Whether there may be something to read, and room to write.
    is_readable: bool,
    is_writable: bool,
    /// Whether it was told that nothing more comes.
    is_told_end: bool,
}

impl<S: Stream> Connection<S> {
    /// Begins a connection that a program of the host wants.
    pub(super) fn to_guest(stream: S, ends: Ends) -> Connection<S> {
        Connection::begin(stream, ends, Phase::Ask)
    }

    /// Begins a connection that the guest requests.
    pub(super) fn from_guest(stream: S, request: &Header) -> Connection<S> {
        let begun = Connection::begin(stream, request.ends(), Phase::Answer);
        Connection { guest_room: request.room, guest_taken: request.taken, ..begun }
    }

    fn begin(stream: S, ends: Ends, phase: Phase) -> Connection<S> {
        Connection {
            ends,
            phase,
            host: Host {
                stream,
                side: BOTH,
                is_readable: true,
                is_writable: true,
                is_told_end: false,
            },
            guest: BOTH,
            kept: VecDeque::new(),
            taken: 0,
            told_taken: 0,
            must_tell_taken: false,
            sent: 0,
            guest_room: 0,
            guest_taken: 0,
            has_asked_for_room: false,
            told_end: 0,
        }
    }

    /// Says whether nothing is left of it.
    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// Returns how many bytes it keeps.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.kept.len()
    }

    /// Looks again at the stream, at whose end something has changed.
    pub(super) fn wake(&mut self, has_hung_up: bool) {
        self.host.is_readable = true;
        self.host.is_writable = true;
        if has_hung_up {
            self.host.side.takes = false;
            if matches!(self.phase, Phase::Ask | Phase::Asked) {
                self.reset();
            }
        }
        self.settle();
    }

    /// Takes a packet of the guest's.
    pub(super) fn take(&mut self, header: &Header, data: &[u8]) {
        self.guest_room = header.room;
        self.guest_taken = header.taken;
        self.has_asked_for_room &= self.credit() == 0;
        match (header.operation, self.phase) {
            (operation::RESET, _) => self.phase = Phase::Rest,
            (operation::RESPONSE, Phase::Asked) => self.open(),
            (operation::DATA, Phase::Open) if self.has_room(data.len()) => self.kept.extend(data),
            (operation::SHUTDOWN, Phase::Open) => {
                self.guest.takes &= header.flags & TAKES_NO_MORE == 0;
                self.guest.sends &= header.flags & SENDS_NO_MORE == 0;
                if !self.guest.takes {
                    self.host.stream.shut_down(Shutdown::Read);
                }
            }
            (operation::CREDIT_UPDATE, _) => {}
            (operation::CREDIT_REQUEST, _) => self.must_tell_taken = true,
            _ => self.reset(),
        }
        self.settle();
    }

    /// Returns what is next for the guest, with what it is to read in `data`.
    pub(super) fn next(&mut self, data: &mut [u8]) -> Option<Header> {
        let (operation, flags, length) = match self.phase {
            Phase::Ask => {
                self.phase = Phase::Asked;
                (operation::REQUEST, 0, 0)
            }
            Phase::Answer => {
                self.phase = Phase::Open;
                (operation::RESPONSE, 0, 0)
            }
            Phase::Open => self.next_of_open(data)?,
            Phase::Reset => {
                self.phase = Phase::Over;
                (operation::RESET, 0, 0)
            }
            Phase::Asked | Phase::Rest | Phase::Over => return None,
        };
        self.told_taken = self.taken;
        self.must_tell_taken = false;
        Some(Header {
            from: self.ends.host,
            to: self.ends.guest,
            length,
            kind: STREAM,
            operation,
            flags,
            room: ROOM,
            taken: self.taken,
        })
    }

    fn next_of_open(&mut self, data: &mut [u8]) -> Option<(u16, u32, u32)> {
        let credit = self.credit();
        if self.guest.takes && self.host.side.sends && self.host.is_readable {
            let most = data.len().min(credit as usize);
            let length = self.host.read(data.get_mut(..most).unwrap_or_default()) as u32;
            if length != 0 {
                self.sent = self.sent.wrapping_add(length);
                return Some((operation::DATA, 0, length));
            }
            if credit == 0 && !self.has_asked_for_room {
                self.has_asked_for_room = true;
                return Some((operation::CREDIT_REQUEST, 0, 0));
            }
        }
        let end = self.host.end();
        if end != self.told_end {
            self.told_end = end;
            return Some((operation::SHUTDOWN, end, 0));
        }
        let untold = self.taken.wrapping_sub(self.told_taken);
        (self.must_tell_taken || ROOM / 2 <= untold).then_some((operation::CREDIT_UPDATE, 0, 0))
    }

    /// Returns how many bytes the guest takes now.
    fn credit(&self) -> u32 {
        self.guest_room.saturating_sub(self.sent.wrapping_sub(self.guest_taken))
    }

    /// Says whether the guest may send so many bytes.
    fn has_room(&self, length: usize) -> bool {
        self.guest.sends && self.kept.len() + length <= ROOM as usize
    }

    /// Tells the program of the host that the guest takes the connection.
    fn open(&mut self) {
        self.phase = Phase::Open;
        let answer = format!("OK {}\n", self.ends.host.port);
        // The first bytes of a stream have room.
        if self.host.stream.write_all(answer.as_bytes()).is_err() {
            self.reset();
        }
    }

    /// Ends it at once, and has the guest told if it knows of it.
    fn reset(&mut self) {
        self.kept.clear();
        self.host.stream.shut_down(Shutdown::Both);
        self.phase = match self.phase {
            Phase::Ask | Phase::Over => Phase::Over,
            _ => Phase::Reset,
        };
    }

    /// Gives the host what it takes, and then does what waits for that.
    fn settle(&mut self) {
        while let (front @ [_, ..], _) = self.kept.as_slices() {
            let written = self.host.write(front);
            if written == 0 {
                return;
            }
            self.kept.drain(..written);
            self.taken = self.taken.wrapping_add(written as u32);
        }
        // A connection at rest keeps no memory.
        self.kept = VecDeque::new();
        match (self.phase, self.guest) {
            (Phase::Rest, _) => self.phase = Phase::Over,
            (Phase::Open, Side { sends: false, takes: false }) => self.reset(),
            (Phase::Open, Side { sends: false, .. }) => self.host.tell_end(),
            _ => {}
        }
    }
}

impl<S: Stream> Host<S> {
    /// Returns the flags of what it does no more.
    fn end(&self) -> u32 {
        let takes = if self.side.takes { 0 } else { TAKES_NO_MORE };
        let sends = if self.side.sends { 0 } else { SENDS_NO_MORE };
        takes | sends
    }

    /// Says once that nothing more comes: a stream whose other end is gone wakes its connection each time.
    fn tell_end(&mut self) {
        if !self.is_told_end {
            self.is_told_end = true;
            self.stream.shut_down(Shutdown::Write);
        }
    }

    /// Reads what is there, and returns how much that is. An error is the end, as the end itself is.
    fn read(&mut self, data: &mut [u8]) -> usize {
        if data.is_empty() {
            return 0;
        }
        match whole(|| self.stream.read(data)) {
            Ok(length @ 1..) => return length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.is_readable = false,
            _ => self.side.sends = false,
        }
        0
    }

    /// Writes what has room, and returns how much that is. Where nobody reads any more, everything has.
    fn write(&mut self, data: &[u8]) -> usize {
        let mut written = 0;
        while self.side.takes && self.is_writable && written < data.len() {
            match whole(|| self.stream.write(data.get(written..).unwrap_or_default())) {
                Ok(length @ 1..) => written += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.is_writable = false,
                _ => self.side.takes = false,
            }
        }
        if self.side.takes { written } else { data.len() }
    }
}

/// Calls again where only a signal came.
fn whole(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
