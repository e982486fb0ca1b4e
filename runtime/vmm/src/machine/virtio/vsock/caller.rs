//! A program of the host that has reached the socket and is to say which port of the guest it wants.

use std::io::{ErrorKind, Read};

/// Most bytes of what it says, with the end of the line.
const MOST: usize = "CONNECT 4294967295\n".len();

/// Such a program.
pub(super) struct Caller<S> {
    stream: S,
    said: Vec<u8>,
}

/// What it has said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Not everything: it is waited for.
    Unsaid,
    /// The port.
    Port(u32),
    /// Something else, or it is gone.
    None,
}

impl<S: Read> Caller<S> {
    pub(super) fn new(stream: S) -> Caller<S> {
        Caller { stream, said: Vec::new() }
    }

    /// Returns the stream, whose next byte is for the guest.
    pub(super) fn into_stream(self) -> S {
        self.stream
    }

    /// Reads what it says, and nothing behind that.
    pub(super) fn hear(&mut self) -> Wish {
        let mut byte = [0];
        while self.said.last() != Some(&b'\n') {
            match self.stream.read(&mut byte) {
                Ok(1) if self.said.len() < MOST => self.said.extend(byte),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Wish::Unsaid,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                _ => return Wish::None,
            }
        }
        parse(&self.said).map_or(Wish::None, Wish::Port)
    }
}

fn parse(line: &[u8]) -> Option<u32> {
    let port = line.strip_prefix(b"CONNECT ")?.strip_suffix(b"\n")?;
    let digits = port.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(port).ok().filter(|_| digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_wish_is_heard_however_it_is_cut_and_the_rest_is_left() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let mut caller = Caller::new(ours);
        for part in ["", "CONN", "ECT 52"] {
            theirs.write_all(part.as_bytes()).unwrap();
            assert_eq!(caller.hear(), Wish::Unsaid);
        }
        theirs.write_all(b"\nthe rest").unwrap();
        assert_eq!(caller.hear(), Wish::Port(52));
        let mut rest = [0; 8];
        caller.into_stream().read_exact(&mut rest).unwrap();
        assert_eq!(rest, *b"the rest");
    }

    #[test]
    fn only_a_port_is_a_wish() {
        let hear = |said: &'static str| Caller::new(said.as_bytes()).hear();
        assert_eq!(hear("CONNECT 4294967295\n"), Wish::Port(u32::MAX));
        for said in [
            "",
            "CONNECT 1",
            "CONNECT\n",
            "CONNECT \n",
            "CONNECT +1\n",
            "CONNECT 1 \n",
            "CONNECT 4294967296\n",
            "connect 1\n",
            "GET / HTTP/1.1\r\n",
            "CONNECT 00000000000000000001\n",
        ] {
            assert_eq!(hear(said), Wish::None, "{said}");
        }
    }
}
