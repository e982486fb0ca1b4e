//! Bytes that one side sends and the other one sends back.

use std::io::{self, Read, Write};
use std::thread;

/// Sends so many bytes, which the other side sends back at the same time, and compares. `end` ends what is sent.
///
/// # Errors
///
/// Says that the socket fails, or that something else comes back.
pub fn exchange<S: Sync>(
    socket: &S,
    length: usize,
    end: impl FnOnce(&S) -> io::Result<()> + Send,
) -> io::Result<()>
where
    for<'s> &'s S: Read + Write,
{
    let (sent, mut back) = (content(length), Vec::new());
    thread::scope(|scope| {
        let sender = scope.spawn(|| {
            (&mut &*socket).write_all(&sent)?;
            end(socket)
        });
        (&mut &*socket).read_to_end(&mut back)?;
        sender.join().map_err(|_| io::Error::other("the sender panicked"))?
    })?;
    match back == sent {
        true => Ok(()),
        false => Err(io::Error::other(format!("something else comes back: {} bytes", back.len()))),
    }
}

/// Makes bytes none of whose blocks is as another one.
pub fn content(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()
    };
    (0..length / 8).flat_map(|_| next()).collect()
}
