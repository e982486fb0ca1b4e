//! The host's part of what a guest says by its sockets.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};

use onereg_lab_init::{GUEST_PORT, HOST_PORT, exchange};

use crate::beside::Beside;

/// The VMM's socket.
const SOCKET: &str = "/sockets";

/// Bytes that go to the guest and come back.
const LENGTH: usize = 1 << 20;

/// Talks to the guest: what is between them ends well when both have back what they sent.
pub(crate) fn talk() -> Result<Beside, String> {
    let path = format!("{SOCKET}_{HOST_PORT}");
    let listener =
        UnixListener::bind(&path).map_err(|error| format!("cannot make {path}: {error}"))?;
    Ok(Beside::start(SOCKET, move || talk_to_guest(&listener)))
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
