//! Sockets between a driver in the guest and programs of the host.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::driver::{BUFFERS, Driver, Transport, WRITE};
use crate::program::{has_kvm, temporary};
use crate::remote::Guest;
use crate::{TRANSPORTS, assert_powered_off};

/// Kind of device.
const VSOCK: u64 = 19;

/// The queues: what the guest gets and what it sends.
const RECEIVE: u64 = 0;
const SEND: u64 = 1;

/// The numbers of the guest and of the host.
const GUEST: u64 = 3;
const HOST: u64 = 2;

/// Ports where a program of the host, and the guest, listen, and the guest's port of a connection to the host.
const HOST_PORT: u32 = 7;
const GUEST_PORT: u32 = 52;
const FROM: u32 = 1025;

/// What packets are for.
const REQUEST: u16 = 1;
const RESPONSE: u16 = 2;
const RESET: u16 = 3;
const SHUTDOWN: u16 = 4;
const DATA: u16 = 5;
const CREDIT_UPDATE: u16 = 6;
const CREDIT_REQUEST: u16 = 7;

/// Flags of a shutdown: nothing is sent any more, and nothing is taken either.
const SENDS_NO_MORE: u32 = 2;
const BOTH: u32 = 3;

/// Bytes of a header, the most behind one, and where the driver has its buffers for these.
const HEADER: u64 = 44;
const ROOM: u32 = 64 << 10;
const RECEIVED: u64 = BUFFERS;
const SENT: u64 = BUFFERS + 0x10_0000;
const SENT_DATA: u64 = SENT + BUFFER_APART;
const BUFFER_APART: u64 = 0x2_0000;

/// Buffers to receive into.
const BUFFER_COUNT: u16 = 4;

/// Bytes that go each way, and those of a packet to the host.
const LENGTH: u32 = 1 << 20;
const PIECE: u32 = ROOM / 2;

/// How often the driver looks for a packet before it takes it that none comes.
const LOOKS: u32 = 100;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A packet from the host.
struct Packet {
    operation: u16,
    flags: u32,
    /// Ports of the host and of the guest.
    from: u32,
    to: u32,
    /// How many bytes of what the guest sent were taken.
    taken: u32,
    /// Bytes of data, and the words at both ends of it.
    length: u32,
    ends: [u64; 2],
}

impl Packet {
    /// Says whether it is only of how much may be sent.
    fn is_of_credit(&self) -> bool {
        matches!(self.operation, CREDIT_UPDATE | CREDIT_REQUEST)
    }
}

/// The driver, with one connection.
struct Sockets<'g> {
    driver: Driver<'g>,
    /// Ports of the guest and of the host.
    ports: (u32, u32),
    /// How many bytes the guest has taken.
    received: u32,
}

impl<'g> Sockets<'g> {
    fn start(guest: &'g mut Guest, transport: Transport) -> Sockets<'g> {
        let mut driver = Driver::find(guest, transport, VSOCK);
        driver.start(2);
        let mut sockets = Sockets { driver, ports: (FROM, HOST_PORT), received: 0 };
        (0..BUFFER_COUNT).for_each(|head| sockets.offer(head));
        sockets
    }

    /// Gives the device a buffer to put a packet into.
    fn offer(&mut self, head: u16) {
        let at = RECEIVED + BUFFER_APART * u64::from(head);
        self.driver.describe(RECEIVE, head, (at, HEADER as u32 + ROOM, WRITE, 0));
        self.driver.make_available(RECEIVE, head);
        self.driver.kick(RECEIVE);
    }

    /// Sends a packet, with so many bytes of data that are in their place.
    fn send(&mut self, operation: u16, flags: u32, length: u32) {
        let pair = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        let (guest, host) = self.ports;
        let kind = 1 | u32::from(operation) << 16;
        let [ports, what, room] = [pair(guest, host), pair(length, kind), pair(flags, ROOM)];
        let words = [GUEST, HOST, ports, what, room, self.received.into()];
        for (at, word) in (SENT..).step_by(8).zip(words) {
            self.driver.guest.write(at, 8, word);
        }
        let parts = [(SENT, HEADER as u32, 0), (SENT_DATA, length, 0)];
        self.driver.request(SEND, if length == 0 { &parts[..1] } else { &parts });
    }

    /// Takes the next packet, if there is one. The host may ask how much the guest takes.
    fn receive(&mut self) -> Option<Packet> {
        let (head, written) = self.driver.take(RECEIVE)?;
        let header = RECEIVED + BUFFER_APART * u64::from(head);
        let mut word = |offset| self.driver.guest.read(header + offset, 4) as u32;
        let [from, to, length, kind, flags, taken] = [16, 20, 24, 28, 32, 40].map(&mut word);
        assert_eq!(written, HEADER + u64::from(length));
        let last = u64::from(length.saturating_sub(8));
        let ends = [0, last].map(|at| self.driver.guest.read(header + HEADER + at, 8));
        self.offer(head);
        let operation = (kind >> 16) as u16;
        if operation == CREDIT_REQUEST {
            self.send(CREDIT_UPDATE, 0, 0);
        }
        Some(Packet { operation, flags, from, to, taken, length, ends })
    }

    /// Waits for the next packet, which has to be of that kind.
    fn expect(&mut self, operation: u16) -> Packet {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(packet) = self.receive().filter(|packet| !packet.is_of_credit()) {
                assert_eq!(packet.operation, operation);
                return packet;
            }
            assert!(Instant::now() < deadline, "a packet of kind {operation} comes");
        }
    }

    /// Sends the host so many bytes and takes as many, which are to be these. Once the host's program has to take
    /// something before the guest can go on, it is told.
    fn exchange(&mut self, expected: &[u8], stuck: &Sender<()>) {
        let (mut sent, mut taken, mut looks) = (0, 0, 0);
        let deadline = Instant::now() + PATIENCE;
        while sent < LENGTH || self.received < LENGTH {
            assert!(Instant::now() < deadline, "{sent} bytes sent, {} received", self.received);
            if sent < LENGTH && sent - taken <= ROOM - PIECE {
                self.driver.guest.fill(SENT_DATA, PIECE as u16 / 8, (sent / PIECE).into());
                self.send(DATA, 0, PIECE);
                sent += PIECE;
            }
            let Some(packet) = self.receive() else {
                looks += 1;
                if looks == LOOKS {
                    assert!(sent < LENGTH, "the host takes everything, whatever its program does");
                    stuck.send(()).unwrap();
                }
                continue;
            };
            taken = packet.taken;
            if !packet.is_of_credit() {
                assert_eq!(packet.operation, DATA);
                self.compare(&packet, expected);
            }
        }
    }

    /// Compares the ends of data with what is to come.
    fn compare(&mut self, packet: &Packet, expected: &[u8]) {
        let start = self.received as usize;
        self.received += packet.length;
        let last = self.received as usize - 8;
        for (at, word) in [start, last].into_iter().zip(packet.ends) {
            assert_eq!(word.to_le_bytes(), expected[at..at + 8], "at byte {at}");
        }
    }
}

/// Words that count, so that none is as another one.
fn counted() -> Vec<u8> {
    (0..u64::from(LENGTH) / 8).flat_map(u64::to_le_bytes).collect()
}

/// Boots a guest with sockets at a path, and says where that is.
fn boot(name: &str, transport: Transport) -> (Guest, PathBuf) {
    let name = format!("{name}-{}", transport.name());
    let path = temporary(&format!("{name}.socket"));
    // Of a run that was killed.
    let _ = fs::remove_file(&path);
    let option = format!("cid={GUEST},socket={}", path.display());
    let guest = Guest::boot(&name, &["--transport", transport.name(), "--vsock", &option]);
    (guest, path)
}

/// Ends a guest, whose socket is to go with it.
fn end(guest: Guest, path: &Path) {
    assert_powered_off(&guest.power_off());
    assert!(!path.exists(), "the program removes its socket");
}

#[test]
fn a_program_and_the_guest_exchange_more_than_fits_anywhere() {
    if !has_kvm() {
        return;
    }
    for transport in TRANSPORTS {
        let (mut guest, path) = boot("exchange", transport);
        let port = format!("{}_{HOST_PORT}", path.display());
        let _ = fs::remove_file(&port);
        let listener = UnixListener::bind(&port).unwrap();
        let mut sockets = Sockets::start(&mut guest, transport);
        sockets.send(REQUEST, 0, 0);
        assert_eq!(sockets.expect(RESPONSE).to, FROM);
        let (program, _) = listener.accept().unwrap();
        let (stuck, is_stuck) = mpsc::channel();
        let program = thread::spawn(move || -> io::Result<Vec<u8>> {
            is_stuck.recv().map_err(io::Error::other)?;
            let writer = program.try_clone()?;
            let writer = thread::spawn(move || (&writer).write_all(&counted()));
            let mut bytes = Vec::new();
            (&program).read_to_end(&mut bytes)?;
            writer.join().unwrap()?;
            Ok(bytes)
        });
        sockets.exchange(&counted(), &stuck);
        sockets.send(SHUTDOWN, SENDS_NO_MORE, 0);
        let bytes = program.join().unwrap().unwrap();
        let pieces = (0..u64::from(LENGTH / PIECE)).flat_map(|piece| [piece; PIECE as usize / 8]);
        assert!(pieces.flat_map(u64::to_le_bytes).eq(bytes), "{transport:?}: the host gets it all");
        // The device may see that the program sends no more before it sees that it is gone.
        while sockets.expect(SHUTDOWN).flags != BOTH {}
        fs::remove_file(&port).unwrap();
        end(guest, &path);
    }
}

#[test]
fn a_program_reaches_the_guest_and_is_told_of_its_end() {
    if !has_kvm() {
        return;
    }
    for transport in TRANSPORTS {
        let (mut guest, path) = boot("reached", transport);
        // It runs: the socket is there, and has no driver yet.
        guest.read(BUFFERS, 8);
        let mut program = UnixStream::connect(&path).unwrap();
        program.set_read_timeout(Some(PATIENCE)).unwrap();
        program.write_all(format!("CONNECT {GUEST_PORT}\n01234567").as_bytes()).unwrap();
        let mut sockets = Sockets::start(&mut guest, transport);
        let request = sockets.expect(REQUEST);
        assert_eq!(request.to, GUEST_PORT);
        sockets.ports = (GUEST_PORT, request.from);
        sockets.send(RESPONSE, 0, 0);
        let expected = format!("OK {}\n", request.from);
        let mut answer = vec![0; expected.len()];
        program.read_exact(&mut answer).unwrap();
        assert_eq!(answer, expected.as_bytes());
        assert_eq!(sockets.expect(DATA).ends, [u64::from_le_bytes(*b"01234567"); 2]);
        sockets.driver.guest.fill(SENT_DATA, 1, u64::from_le_bytes(*b"answered"));
        sockets.send(DATA, 0, 8);
        sockets.send(SHUTDOWN, BOTH, 0);
        let mut rest = String::new();
        program.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "answered");
        sockets.expect(RESET);
        end(guest, &path);
    }
}
