//! Packets between a driver and the host's own network, over a tap device.

use std::env;
use std::net::{Ipv4Addr, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use super::*;

/// Addresses for documentation: no network has them.
const HOST: [u8; 4] = [203, 0, 113, 1];
const GUEST: [u8; 4] = [203, 0, 113, 2];
const PORT: u16 = 4000;

/// Bytes of the headers of Ethernet, IP and UDP.
const ETHERNET: usize = 14;
const IP: usize = 20;
const UDP: usize = 8;

/// Makes a tap device and the host's end of it. Without the rights and tools for that there is none, but `CI=true`
/// promises them.
fn set_up(name: &str) -> Option<Port> {
    let missing = |why: String| {
        assert!(
            env::var_os("CI").is_none_or(|value| value != "true"),
            "CI=true promises tap devices: {why}"
        );
        println!("skipped: {why}");
    };
    let port = Port::open(&format!("tap={name}"));
    let port = port.map_err(|failure| missing(failure.to_string())).ok()?;
    for args in [&["addr", "add", "203.0.113.1/30", "dev", name][..], &["link", "set", name, "up"]]
    {
        match Command::new("ip").args(args).status() {
            Ok(status) => assert!(status.success(), "ip {args:?}"),
            Err(error) => {
                missing(format!("cannot run ip: {error}"));
                return None;
            }
        }
    }
    Some(port)
}

/// Waits for a packet of that kind of Ethernet, and of that length at least.
fn receive(driver: &mut Driver, kind: [u8; 2], length: usize) -> Vec<u8> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        driver.run();
        let Some(used) = driver.take(RECEIVE) else {
            assert!(Instant::now() < deadline, "no packet comes");
            continue;
        };
        driver.offer(RECEIVE, &[], &[2048]);
        driver.kick(RECEIVE);
        assert_eq!(used.bytes[..HEADER], FINISHED);
        let packet = &used.bytes[HEADER..used.written as usize];
        if packet[12..14] == kind && length <= packet.len() {
            return packet.to_vec();
        }
    }
}

/// Sums 16-bit words as the protocols of IP do.
fn sum(bytes: &[u8]) -> u16 {
    let sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)))
        .sum();
    let sum = (sum >> 16) + (sum & 0xffff);
    ((sum >> 16) + sum) as u16
}

/// Returns what the sum over a UDP packet begins with.
fn pseudo_header(ip: &[u8]) -> Vec<u8> {
    [&ip[12..20], &[0, 17], &((ip.len() - IP) as u16).to_be_bytes()].concat()
}

/// The answer to a packet of UDP, whose sum the device has to finish.
fn answer(packet: &[u8], text: &[u8]) -> Vec<u8> {
    let [length, udp] =
        [IP + UDP + text.len(), UDP + text.len()].map(|length| (length as u16).to_be_bytes());
    let mut ip = [&[0x45, 0][..], &length, &[0, 0, 0, 0, 64, 17, 0, 0], &GUEST, &HOST].concat();
    let check = !sum(&ip);
    ip[10..12].copy_from_slice(&check.to_be_bytes());
    let ports = &packet[ETHERNET + IP..][..4];
    ip.extend([&ports[2..4], &ports[..2], &udp, &[0, 0], text].concat());
    let begun = sum(&pseudo_header(&ip));
    ip[IP + 6..IP + 8].copy_from_slice(&begun.to_be_bytes());
    // The sum is needed, over what starts here, at this place.
    let header = [1, 0, 0, 0, 0, 0, (ETHERNET + IP) as u8, 0, 6, 0, 0, 0];
    [&header[..], &packet[6..12], &packet[..6], &packet[12..14], &ip].concat()
}

#[test]
fn the_host_and_a_driver_talk_over_a_tap_device() {
    let name = format!("onereg{}", std::process::id() % 1_000_000);
    let Some(port) = set_up(&name) else { return };
    let busy = Port::open(&format!("tap={name}")).err().unwrap().to_string();
    assert!(busy.contains("another program has it"), "{busy}");
    let mut driver = Driver::start(Net::new(Arc::new(port)));
    driver.offer(RECEIVE, &[], &[2048]);
    driver.kick(RECEIVE);
    let socket = UdpSocket::bind((Ipv4Addr::from(HOST), 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket.send_to(b"from the host", (Ipv4Addr::from(GUEST), PORT)).unwrap();

    let asked = receive(&mut driver, [8, 6], 42);
    assert_eq!(asked[38..42], GUEST);
    let reply = [&asked[6..12], &MAC, &asked[12..20], &[0, 2], &MAC, &GUEST, &asked[22..32]];
    driver.request(SEND, &[&packet(&reply.concat())], &[]);

    let sent = receive(&mut driver, [8, 0], ETHERNET + IP + UDP + 13);
    let ip = &sent[ETHERNET..];
    assert_eq!(ip[IP + UDP..], *b"from the host");
    assert_eq!(sum(&[&pseudo_header(ip), &ip[IP..]].concat()), 0xffff, "the sum is finished");
    driver.request(SEND, &[&answer(&sent, b"from the guest")], &[]);
    let mut bytes = [0; 64];
    let (length, from) = socket.recv_from(&mut bytes).unwrap();
    assert_eq!(bytes[..length], *b"from the guest");
    assert_eq!(from, (Ipv4Addr::from(GUEST), PORT).into());
}
