//! What a guest does with its sockets.

use std::io;
use std::net::Shutdown;

use onereg_lab_init::{GUEST_PORT, HOST_PORT, exchange};
use socket2::{Domain, SockAddr, Socket, Type};

/// The host, and any address of the guest.
const HOST: u32 = 2;
const ANY: u32 = u32::MAX;

/// Bytes that go to the host and come back.
const LENGTH: usize = 1 << 20;

/// Sends the host bytes, which it sends back; then it is the other way round.
pub(crate) fn talk() -> Result<String, String> {
    let failed = |what: &'static str| move |error: io::Error| format!("{what}: {error}");
    let listener = listen().map_err(failed("cannot listen"))?;
    let host = connect().map_err(failed("cannot reach the host"))?;
    exchange(&host, LENGTH, |host| host.shutdown(Shutdown::Write)).map_err(failed("the host"))?;
    let (host, _) = listener.accept().map_err(failed("the host does not come"))?;
    let length = io::copy(&mut &host, &mut &host).map_err(failed("cannot send back"))?;
    Ok(format!("the host sent everything back, and has {length} bytes back"))
}

fn listen() -> io::Result<Socket> {
    let listener = Socket::new(Domain::VSOCK, Type::STREAM, None)?;
    listener.bind(&SockAddr::vsock(ANY, GUEST_PORT))?;
    listener.listen(1)?;
    Ok(listener)
}

fn connect() -> io::Result<Socket> {
    let host = Socket::new(Domain::VSOCK, Type::STREAM, None)?;
    host.connect(&SockAddr::vsock(HOST, HOST_PORT))?;
    Ok(host)
}
