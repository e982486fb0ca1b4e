//! All connections of a guest: which one a packet is of, and which one is next to say something.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use vmm_sys_util::epoll::{ControlOperation, Epoll, EpollEvent, EventSet};

use super::caller::{Caller, Wish};
use super::connection::Connection;
use super::endpoint::Endpoint;
use super::packet::{Address, Ends, HOST, Header, STREAM, operation};

/// Most connections, with those that are not made yet.
pub(super) const CONNECTIONS: usize = 256;

/// Refusals that wait for the guest to take them before it is heard again.
const REFUSALS: usize = 64;

/// The host's ports of connections that begin there; those below are for programs that listen.
const FIRST_PORT: u32 = 1 << 30;

/// Data of the events of the socket that programs of the host come in by; all others are of streams.
const LISTENER: u64 = 0;

/// The connections.
pub(super) struct Switch {
    endpoint: Arc<Endpoint>,
    /// What happens at the host's ends.
    epoll: Epoll,
    /// Number of the last stream.
    last: u64,
    last_port: u32,
    callers: HashMap<u64, Caller<UnixStream>>,
    connections: HashMap<u64, Entry>,
    numbers: HashMap<Ends, u64>,
    /// Connections that may have something for the guest, which take turns.
    turns: VecDeque<u64>,
    refusals: VecDeque<Header>,
}

struct Entry {
    connection: Connection<UnixStream>,
    ends: Ends,
    /// Whether it is among the turns.
    has_turn: bool,
}

impl Switch {
    pub(super) fn new(endpoint: Arc<Endpoint>) -> io::Result<Switch> {
        let epoll = Epoll::new()?;
        let listener = endpoint.listener().as_raw_fd();
        let event = EpollEvent::new(EventSet::IN | EventSet::EDGE_TRIGGERED, LISTENER);
        epoll.ctl(ControlOperation::Add, listener, event)?;
        Ok(Switch {
            endpoint,
            epoll,
            last: LISTENER,
            last_port: FIRST_PORT,
            callers: HashMap::new(),
            connections: HashMap::new(),
            numbers: HashMap::new(),
            turns: VecDeque::new(),
            refusals: VecDeque::new(),
        })
    }

    /// Returns what is readable when something has happened at the host's ends.
    pub(super) fn descriptor(&self) -> RawFd {
        self.epoll.as_raw_fd()
    }

    /// Ends all connections.
    pub(super) fn clear(&mut self) {
        self.callers.clear();
        self.connections.clear();
        self.numbers.clear();
        self.turns.clear();
        self.refusals.clear();
    }

    /// Says whether the guest has to take something before it is heard again.
    pub(super) fn is_full(&self) -> bool {
        REFUSALS <= self.refusals.len()
    }

    /// Looks at what has happened at the host's ends.
    pub(super) fn wake(&mut self) {
        let mut events = [EpollEvent::default(); 32];
        // Only a signal is an error, and nothing is lost by it: what has happened stays.
        while let count @ 1.. = self.epoll.wait(0, &mut events).unwrap_or(0) {
            for event in events.iter().take(count) {
                let number = event.data();
                if self.callers.contains_key(&number) {
                    self.hear(number);
                } else if let Some(entry) = self.connections.get_mut(&number) {
                    entry.connection.wake(event.event_set().contains(EventSet::HANG_UP));
                    self.touch(number);
                }
            }
        }
        self.accept();
    }

    /// Takes a packet of the guest's.
    pub(super) fn take(&mut self, header: &Header, data: &[u8]) {
        if header.from.cid != u64::from(self.endpoint.cid()) {
            return;
        }
        let is_to_stream = header.to.cid == HOST && header.kind == STREAM;
        match self.numbers.get(&header.ends()).filter(|_| is_to_stream) {
            Some(number) => {
                let number = *number;
                if let Some(entry) = self.connections.get_mut(&number) {
                    entry.connection.take(header, data);
                }
                self.touch(number);
            }
            None if header.operation == operation::RESET => {}
            None if is_to_stream && header.operation == operation::REQUEST => self.connect(header),
            None => self.refusals.push_back(header.refusal()),
        }
    }

    /// Returns what is next for the guest, with what it is to read in `data`.
    pub(super) fn next(&mut self, data: &mut [u8]) -> Option<Header> {
        if let Some(refusal) = self.refusals.pop_front() {
            return Some(refusal);
        }
        while let Some(number) = self.turns.pop_front() {
            let Some(entry) = self.connections.get_mut(&number) else { continue };
            entry.has_turn = false;
            let next = entry.connection.next(data);
            if next.is_some() {
                self.touch(number);
                return next;
            }
        }
        None
    }

    /// Lets in the programs of the host that wait, as far as there is room.
    pub(super) fn accept(&mut self) {
        while self.callers.len() + self.connections.len() < CONNECTIONS {
            // Those that cannot be taken now are tried again with the next one.
            let Ok(stream) = self.endpoint.accept() else { return };
            let Ok(number) = self.watch(&stream) else { return };
            self.callers.insert(number, Caller::new(stream));
            self.hear(number);
        }
    }

    /// Hears which port a program of the host wants, and asks the guest for it.
    fn hear(&mut self, number: u64) {
        let wish = self.callers.get_mut(&number).map(Caller::hear);
        if wish == Some(Wish::Unsaid) {
            return;
        }
        let Some(caller) = self.callers.remove(&number) else { return };
        let Some(Wish::Port(port)) = wish else { return };
        let guest = Address { cid: self.endpoint.cid().into(), port };
        let ends = self.free_ends(guest);
        self.enter(number, ends, Connection::to_guest(caller.into_stream(), ends));
    }

    /// Connects the guest to who listens at a port of the host.
    fn connect(&mut self, request: &Header) {
        let has_room = self.callers.len() + self.connections.len() < CONNECTIONS;
        let stream = has_room.then(|| self.endpoint.connect(request.to.port));
        let watched = stream.and_then(Result::ok).and_then(|stream| {
            let number = self.watch(&stream).ok()?;
            Some((number, stream))
        });
        match watched {
            Some((number, stream)) => {
                self.enter(number, request.ends(), Connection::from_guest(stream, request));
            }
            None => self.refusals.push_back(request.refusal()),
        }
    }

    fn enter(&mut self, number: u64, ends: Ends, connection: Connection<UnixStream>) {
        self.connections.insert(number, Entry { connection, ends, has_turn: false });
        self.numbers.insert(ends, number);
        self.touch(number);
    }

    /// Gives a connection to which something has happened its turn, or forgets it.
    fn touch(&mut self, number: u64) {
        let Some(entry) = self.connections.get_mut(&number) else { return };
        if entry.connection.is_over() {
            self.numbers.remove(&entry.ends);
            if entry.has_turn {
                self.turns.retain(|other| *other != number);
            }
            self.connections.remove(&number);
            self.accept();
        } else if !entry.has_turn {
            entry.has_turn = true;
            self.turns.push_back(number);
        }
    }

    /// Watches a stream, and returns its number.
    fn watch(&mut self, stream: &UnixStream) -> io::Result<u64> {
        let kinds = EventSet::IN | EventSet::OUT | EventSet::EDGE_TRIGGERED;
        let event = EpollEvent::new(kinds, self.last + 1);
        self.epoll.ctl(ControlOperation::Add, stream.as_raw_fd(), event)?;
        self.last += 1;
        Ok(self.last)
    }

    /// Returns the ends of a connection to a port of the guest, with a port of the host that is free.
    fn free_ends(&mut self, guest: Address) -> Ends {
        loop {
            self.last_port = self.last_port.wrapping_add(1).max(FIRST_PORT);
            let ends = Ends { host: Address { cid: HOST, port: self.last_port }, guest };
            if !self.numbers.contains_key(&ends) {
                return ends;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::hostile::vsock::{Host, PORT};
    use super::*;

    #[test]
    fn a_guest_that_comes_and_goes_leaves_nothing() {
        let host = Host::new();
        let mut switch = Switch::new(Arc::clone(&host.endpoint)).unwrap();
        let from = Address { cid: 3, port: 1025 };
        let to = Address { cid: HOST, port: PORT };
        for _ in 0..10 {
            for operation in [operation::REQUEST, operation::RESET] {
                let header = Header { from, to, kind: STREAM, operation, ..Header::default() };
                switch.take(&header, &[]);
            }
            host.listener.accept().unwrap();
        }
        assert_eq!((switch.numbers.len(), switch.turns.len()), (0, 0));
        assert_eq!(switch.next(&mut []), None);
    }
}
