//! What a guest does with its network interface.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Instant;

use onereg_lab_init::{GUEST_ADDRESS, HOST_ADDRESS, PORT, network};

use crate::disk::content;

/// Bytes that go to the host and come back.
const LENGTH: usize = 4 << 20;

/// Pings the host, sends it bytes, which it sends back at the same time, and compares.
pub(crate) fn exchange() -> Result<String, String> {
    let of_host = |error| format!("{HOST_ADDRESS}: {error}");
    network::set_address("eth0", GUEST_ADDRESS).map_err(|error| format!("eth0: {error}"))?;
    network::ping(HOST_ADDRESS).map_err(of_host)?;
    let start = Instant::now();
    let back = send(content(LENGTH)).map_err(of_host)?;
    if back != content(LENGTH) {
        return Err(format!("{HOST_ADDRESS} sends something else back: {} bytes", back.len()));
    }
    let ms = start.elapsed().as_millis();
    Ok(format!("the host answers, and sends everything back, in {ms} ms"))
}

fn send(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    let mut host = TcpStream::connect((HOST_ADDRESS, PORT))?;
    let mut to = host.try_clone()?;
    let sender = thread::spawn(move || {
        to.write_all(&bytes)?;
        to.shutdown(Shutdown::Write)
    });
    let mut back = Vec::new();
    host.read_to_end(&mut back)?;
    sender.join().map_err(|_| io::Error::other("the sender panicked"))??;
    Ok(back)
}
