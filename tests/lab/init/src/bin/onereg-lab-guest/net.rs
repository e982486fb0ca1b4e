//! What a guest does with its network interface.

use std::net::{Shutdown, TcpStream};
use std::time::Instant;

use onereg_lab_init::{GUEST_ADDRESS, HOST_ADDRESS, PORT, exchange, network};

/// Bytes that go to the host and come back.
const LENGTH: usize = 4 << 20;

/// Pings the host, sends it bytes, which it sends back at the same time, and compares.
pub(crate) fn talk() -> Result<String, String> {
    let of_host = |error| format!("{HOST_ADDRESS}: {error}");
    network::set_address("eth0", GUEST_ADDRESS).map_err(|error| format!("eth0: {error}"))?;
    network::ping(HOST_ADDRESS).map_err(of_host)?;
    let start = Instant::now();
    let host = TcpStream::connect((HOST_ADDRESS, PORT)).map_err(of_host)?;
    exchange(&host, LENGTH, |host| host.shutdown(Shutdown::Write)).map_err(of_host)?;
    let ms = start.elapsed().as_millis();
    Ok(format!("the host answers, and sends everything back, in {ms} ms"))
}
