//! Sockets against drivers and programs of the host that say anything.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

use arbtest::arbitrary::{Result, Unstructured};

use super::super::socket_file::SocketFile;
use super::super::testing::Driver;
use super::super::vsock::{Endpoint, Vsock};
use super::torment;

/// The queues that packets are in.
pub(in super::super) const RECEIVE: usize = 0;
pub(in super::super) const SEND: usize = 1;

/// Bytes of a header.
const HEADER: usize = 44;

/// The port of the host at which a program listens.
pub(in super::super) const PORT: u32 = 7;

/// The host's side: the socket for its programs, and one that listens.
pub(in super::super) struct Host {
    pub(in super::super) path: PathBuf,
    pub(in super::super) listener: UnixListener,
    pub(in super::super) endpoint: Arc<Endpoint>,
    _file: SocketFile,
}

impl Host {
    /// Makes the sockets, for as long as this lives.
    pub(in super::super) fn new() -> Host {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("onereg-vsock-{}-{count}", process::id()));
        let option = format!("cid=3,socket={}", path.display());
        let (endpoint, file) = Endpoint::open(&option).unwrap();
        let listener = UnixListener::bind(format!("{}_{PORT}", path.display())).unwrap();
        listener.set_nonblocking(true).unwrap();
        Host { path, listener, endpoint: Arc::new(endpoint), _file: file }
    }

    /// Makes the device of the guest with number 3.
    pub(in super::super) fn device(&self) -> Vsock {
        Vsock::new(Arc::clone(&self.endpoint)).unwrap()
    }

    /// Has a program come in and say something.
    pub(in super::super) fn call(&self, said: &str) -> UnixStream {
        let mut stream = UnixStream::connect(&self.path).unwrap();
        stream.set_nonblocking(true).unwrap();
        stream.write_all(said.as_bytes()).unwrap();
        stream
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        fs::remove_file(format!("{}_{PORT}", self.path.display())).unwrap();
    }
}

/// A packet of the guest's, much of which is right.
fn packet(u: &mut Unstructured<'_>) -> Result<[u8; HEADER]> {
    let words = [
        *u.choose(&[3, 3, 3, 2])?,
        0,
        *u.choose(&[2, 2, 2, 3])?,
        0,
        *u.choose(&[1, 2, 52])?,
        *u.choose(&[PORT, PORT, 8, (1 << 30) + 1, (1 << 30) + 2])?,
        *u.choose(&[0, 0, 1, 5, 64 << 10, (64 << 10) + 1, u32::MAX])?,
        *u.choose(&[1, 1, 1, 2])? | u.int_in_range(0..=8)? << 16,
        u.int_in_range(0..=3)?,
        *u.choose(&[0, 1, 4096, 256 << 10, u32::MAX])?,
        *u.choose(&[0, 1, 4096, u32::MAX])?,
    ];
    let mut packet = [0; HEADER];
    for (to, word) in packet.chunks_exact_mut(4).zip(words) {
        to.copy_from_slice(&word.to_le_bytes());
    }
    Ok(packet)
}

/// Has the driver or a program do one thing.
fn act(
    u: &mut Unstructured<'_>,
    driver: &mut Driver,
    host: &Host,
    programs: &mut Vec<UnixStream>,
) -> Result<()> {
    match u.int_in_range(0..=9)? {
        0..=3 => {
            let (packet, length) = (packet(u)?, *u.choose(&[1, 5, 64 << 10])?);
            driver.offer(SEND, &[&packet, &vec![7; length]], &[]);
            driver.kick(SEND);
        }
        4 | 5 => {
            driver.offer(RECEIVE, &[], &[*u.choose(&[HEADER, HEADER + 1, 4096, 70_000])?]);
            driver.kick(RECEIVE);
        }
        6 => {
            let said = ["CONNECT 1\n", "CONNECT 2\nmore", "CONNECT 52", "no"];
            programs.push(host.call(u.choose(&said)?));
        }
        7 => programs.extend(host.listener.accept().map(|(stream, _)| stream)),
        8 => drop(programs.pop()),
        _ => {
            if let Some(program) = programs.last_mut() {
                program.set_nonblocking(true).unwrap();
                let _ = program.write(&[7; 100]);
                let _ = program.read(&mut [0; 100_000]);
            }
        }
    }
    driver.run();
    while let Some(used) = driver.take(RECEIVE) {
        let word = |at: usize| u32::from_le_bytes(used.bytes[at..at + 4].try_into().unwrap());
        assert_eq!(used.written, HEADER as u32 + word(24), "the length of the packet");
        assert!((1..=7).contains(&(word(28) >> 16)), "an operation");
        assert_eq!(word(8), 3, "for the guest");
    }
    while driver.take(SEND).is_some() {}
    Ok(())
}

/// Torments sockets; a program reaches the guest again after a reset.
pub(in super::super) fn torment_vsock(u: &mut Unstructured<'_>) -> Result<()> {
    let host = Host::new();
    let mut driver = Driver::start(host.device());
    let mut programs = Vec::new();
    for _ in 0..u.int_in_range(0..=40)? {
        act(u, &mut driver, &host, &mut programs)?;
    }
    torment(u, &mut driver)?;
    let _program = host.call("CONNECT 99\n");
    driver.run();
    let asked = |driver: &mut Driver| {
        let bytes = driver.request(RECEIVE, &[], &[4096]).bytes;
        (bytes[20..24] == 99_u32.to_le_bytes()) && bytes[30] == 1
    };
    // Programs that were not let in before come before.
    assert!((0..=programs.len()).any(|_| asked(&mut driver)));
    Ok(())
}
