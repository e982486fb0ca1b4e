//! What a guest does with its network interface.

use std::fs;
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

use onereg_lab_init::{GUEST_ADDRESS, HOST_ADDRESS, PORT, exchange, network};

/// Bytes that go to the host and come back.
const LENGTH: usize = 4 << 20;

/// Packets that these bytes would come in, had the host cut them as for a wire.
const SEGMENTS: usize = LENGTH / 1448;

/// Pings the host, sends it bytes, which it sends back at the same time, in long packets, and compares.
pub(crate) fn talk() -> Result<String, String> {
    let of_host = |error| format!("{HOST_ADDRESS}: {error}");
    network::set_address("eth0", GUEST_ADDRESS).map_err(|error| format!("eth0: {error}"))?;
    network::ping(HOST_ADDRESS).map_err(of_host)?;
    let (start, early) = (Instant::now(), packets()?);
    let host = TcpStream::connect((HOST_ADDRESS, PORT)).map_err(of_host)?;
    exchange(&host, LENGTH, |host| host.shutdown(Shutdown::Write)).map_err(of_host)?;
    let (us, count) = (start.elapsed().as_micros(), packets()? - early);
    if SEGMENTS <= count {
        return Err(format!("{LENGTH} bytes came in {count} packets: these were cut"));
    }
    Ok(format!("the host answers, and sends everything back, in {count} packets and {us} us"))
}

/// Returns how many packets the interface has got.
fn packets() -> Result<usize, String> {
    const COUNT: &str = "/sys/class/net/eth0/statistics/rx_packets";
    let count = fs::read_to_string(COUNT).map_err(|error| format!("{COUNT}: {error}"))?;
    count.trim_end().parse().map_err(|error| format!("{COUNT}: {error}"))
}
