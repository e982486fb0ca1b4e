//! The host's part of what a guest says by its sockets.

use std::fs;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use onereg_lab_init::{GUEST_PORT, HOST_PORT, exchange};

/// The VMM's socket.
const SOCKET: &str = "/sockets";

/// Bytes that go to the guest and come back.
const LENGTH: usize = 1 << 20;

/// How long the last words may take when the VMM has ended.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the guest and the host say to each other.
pub(crate) struct Talk(Receiver<io::Result<()>>);

impl Talk {
    /// Listens to the guest.
    pub(crate) fn start() -> Result<Talk, String> {
        let path = format!("{SOCKET}_{HOST_PORT}");
        let listener =
            UnixListener::bind(&path).map_err(|error| format!("cannot make {path}: {error}"))?;
        let (sender, talk) = mpsc::channel();
        // Nobody listens any more after a time-out.
        thread::spawn(move || sender.send(talk_to_guest(&listener)));
        Ok(Talk(talk))
    }

    /// Says whether both have back what they sent, and whether the VMM has removed its socket.
    pub(crate) fn end(self) -> Result<(), String> {
        let talked = self.0.recv_timeout(PATIENCE);
        let talked = talked.map_err(|_| "the guest said too little to the host".to_owned())?;
        talked.map_err(|error| format!("the host's sockets: {error}"))?;
        match fs::exists(SOCKET) {
            Ok(false) => Ok(()),
            _ => Err(format!("the VMM left {SOCKET} behind")),
        }
    }
}

/// Sends the guest everything back; then it is the other way round.
fn talk_to_guest(listener: &UnixListener) -> io::Result<()> {
    let (guest, _) = listener.accept()?;
    io::copy(&mut &guest, &mut &guest)?;
    drop(guest);
    let mut guest = UnixStream::connect(SOCKET)?;
    guest.write_all(format!("CONNECT {GUEST_PORT}\n").as_bytes())?;
    let mut answer = [0; "OK 1073741825\n".len()];
    guest.read_exact(&mut answer)?;
    if !answer.starts_with(b"OK ") || !answer.ends_with(b"\n") {
        return Err(io::Error::other(format!("the answer is {answer:?}")));
    }
    exchange(&guest, LENGTH, |guest| guest.shutdown(Shutdown::Write))
}
