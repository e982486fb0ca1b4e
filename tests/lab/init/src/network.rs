//! The network of a host or guest: its interfaces and addresses.

// UNSAFETY: the standard library sets no interface up, and has no sockets for pings.
#![expect(
    unsafe_code,
    reason = "interfaces are set up by ioctl; libc has unshare and every kind of socket"
)]

use std::io;
use std::mem;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::thread;
use std::time::Duration;

use crate::PORT;

/// How long an answer to a ping may take, and how many pings wait for one.
const PATIENCE: Duration = Duration::from_secs(1);
const PINGS: usize = 10;

/// Sends everything back that comes to [`PORT`] in a network of its own, to which this thread moves.
///
/// # Errors
///
/// Returns the kernel's.
pub fn serve() -> io::Result<()> {
    isolate()?;
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT))?;
    thread::spawn(move || {
        for guest in listener.incoming().flatten() {
            // The guest says what is missing.
            let _ = io::copy(&mut &guest, &mut &guest);
        }
    });
    Ok(())
}

/// Takes this thread, and the programs that it runs, to a network of their own.
fn isolate() -> io::Result<()> {
    // SAFETY: unshare takes a number and touches no memory of this process.
    check(unsafe { libc::unshare(libc::CLONE_NEWNET) })
}

/// Gives an interface its address, in a network of 256, and brings it up.
///
/// # Errors
///
/// Returns the kernel's.
pub fn set_address(interface: &str, address: Ipv4Addr) -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    // SAFETY: an ifreq is bytes, numbers and addresses that may be null: zeros are one.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(interface.bytes()) {
        *to = from as libc::c_char;
    }
    let mask = Ipv4Addr::new(255, 255, 255, 0);
    for (ioctl, address) in [(libc::SIOCSIFADDR, address), (libc::SIOCSIFNETMASK, mask)] {
        let [a, b, c, d] = address.octets().map(|byte| byte as libc::c_char);
        request.ifr_ifru.ifru_addr = libc::sockaddr {
            sa_family: libc::AF_INET as libc::sa_family_t,
            sa_data: [0, 0, a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0],
        };
        set_interface(&socket, ioctl, &request)?;
    }
    request.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
    set_interface(&socket, libc::SIOCSIFFLAGS, &request)
}

fn set_interface(
    socket: &UdpSocket,
    ioctl: libc::c_ulong,
    request: &libc::ifreq,
) -> io::Result<()> {
    // SAFETY: these ioctls read an ifreq, which outlives the call.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), ioctl as _, request) })
}

/// Pings an address until it answers.
///
/// # Errors
///
/// Returns the kernel's, also that nothing answers.
pub fn ping(address: Ipv4Addr) -> io::Result<()> {
    /// A request with the text "ping": the kernel adds sum and number.
    const REQUEST: [u8; 12] = *b"\x08\0\0\0\0\0\0\0ping";
    /// What begins an answer.
    const ANSWER: u8 = 0;
    std::fs::write("/proc/sys/net/ipv4/ping_group_range", "0 0")?;
    // SAFETY: socket takes numbers and touches no memory of this process.
    let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_ICMP) };
    check(socket)?;
    // SAFETY: the socket is open, and nobody else has its number.
    let socket = UdpSocket::from(unsafe { OwnedFd::from_raw_fd(socket) });
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut last = io::Error::from(io::ErrorKind::TimedOut);
    for _ in 0..PINGS {
        socket.send_to(&REQUEST, (address, 0))?;
        let mut answer = [0; REQUEST.len()];
        match socket.recv(&mut answer) {
            Ok(_) if answer[0] == ANSWER && answer[8..] == REQUEST[8..] => return Ok(()),
            Ok(_) => last = io::Error::other("the answer is another one"),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
