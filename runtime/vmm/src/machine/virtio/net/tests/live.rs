//! Packets between a driver and the host's own network, over a tap device.

use std::env;
use std::io::Write;
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::*;

/// Addresses for documentation: no network has them.
const HOST: [u8; 4] = [203, 0, 113, 1];
const GUEST: [u8; 4] = [203, 0, 113, 2];
const PORT: u16 = 4000;

/// Held by the test that has these addresses.
static ADDRESSES: Mutex<()> = Mutex::new(());

/// Bytes of the headers of Ethernet, IP and UDP.
const ETHERNET: usize = 14;
const IP: usize = 20;
const UDP: usize = 8;

/// Numbers of protocols of IP.
const BY_TCP: u8 = 6;
const BY_UDP: u8 = 17;

/// Most bytes of a frame of Ethernet without a tag.
const FRAME: usize = ETHERNET + 1500;

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

/// Starts an interface with those of its features.
fn start_on(port: Port, features: u64) -> Driver {
    let mut driver = Driver::start_with(Net::new(Arc::new(port)), features);
    give_chains(&mut driver);
    driver
}

/// Has chains for what the device gets.
fn give_chains(driver: &mut Driver) {
    for _ in 0..100 {
        driver.offer(RECEIVE, &[], &[2048]);
    }
    driver.kick(RECEIVE);
}

/// Waits for a packet that is wanted, and returns its header and the packet.
fn receive(driver: &mut Driver, is_wanted: impl Fn(&[u8]) -> bool) -> (Vec<u8>, Vec<u8>) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        driver.run();
        let Some((count, bytes)) = take_packet(driver) else {
            assert!(Instant::now() < deadline, "no packet comes");
            continue;
        };
        for _ in 0..count {
            driver.offer(RECEIVE, &[], &[2048]);
        }
        driver.kick(RECEIVE);
        let (header, packet) = bytes.split_at(HEADER);
        if is_wanted(packet) {
            return (header.to_vec(), packet.to_vec());
        }
    }
}

/// Tells the host, which asks for it, the address of the driver's interface.
fn introduce(driver: &mut Driver) {
    let (_, asked) = receive(driver, |packet| packet[12..14] == [8, 6]);
    assert_eq!(asked[38..42], GUEST);
    let reply = [&asked[6..12], &MAC, &asked[12..20], &[0, 2], &MAC, &GUEST, &asked[22..32]];
    driver.request(SEND, &[&packet(&reply.concat())], &[]);
}

/// Says whether a packet has that protocol, and data behind so many bytes of its headers.
fn has_data(packet: &[u8], protocol: u8, headers: usize) -> bool {
    let is_ip = packet[12..14] == [8, 0] && packet[ETHERNET + 9] == protocol;
    is_ip && ETHERNET + IP + headers < packet.len()
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

/// Returns what the sum over a packet of a protocol of IP begins with.
fn pseudo_header(ip: &[u8]) -> Vec<u8> {
    [&ip[12..20], &[0, ip[9]], &((ip.len() - IP) as u16).to_be_bytes()].concat()
}

/// The answer to a packet, from and to the same ports: behind these comes `rest`, with the sum, which the device has to
/// finish, at that byte behind the header of IP.
fn answer(packet: &[u8], rest: &[u8], sum_at: usize) -> Vec<u8> {
    let ports = &packet[ETHERNET + IP..][..4];
    let length = ((IP + ports.len() + rest.len()) as u16).to_be_bytes();
    let kind = [0, 0, 0, 0, 64, packet[ETHERNET + 9], 0, 0];
    let mut ip = [&[0x45, 0][..], &length, &kind, &GUEST, &HOST].concat();
    let check = !sum(&ip);
    ip[10..12].copy_from_slice(&check.to_be_bytes());
    ip.extend([&ports[2..], &ports[..2], rest].concat());
    let begun = sum(&pseudo_header(&ip));
    ip[IP + sum_at..][..2].copy_from_slice(&begun.to_be_bytes());
    // The sum is needed, over what starts here, at this place.
    let header = [1, 0, 0, 0, 0, 0, (ETHERNET + IP) as u8, 0, sum_at as u8, 0, 0, 0];
    [&header[..], &packet[6..12], &packet[..6], &packet[12..14], &ip].concat()
}

/// Takes the host's call to a port of TCP, and returns both ports, which all packets of the connection have.
fn accept(driver: &mut Driver) -> Vec<u8> {
    let (_, call) = receive(driver, |packet| has_data(packet, BY_TCP, 0) && is_call(packet));
    let number = u32::from_be_bytes(call[ETHERNET + IP + 4..][..4].try_into().unwrap()) + 1;
    // Its own number, what it got, its flags and a window, the sum, and the longest segment.
    let rest = [&[0, 0, 0, 1][..], &number.to_be_bytes(), &[0x60, 0x12, 0xff, 0xff]];
    let rest = [&rest.concat()[..], &[0; 4], &[2, 4, 5, 180]].concat();
    driver.request(SEND, &[&answer(&call, &rest, 16)], &[]);
    call[ETHERNET + IP..][..4].to_vec()
}

/// Says whether a packet of TCP begins a connection.
fn is_call(packet: &[u8]) -> bool {
    packet[ETHERNET + IP + 13] & 2 != 0
}

/// A name that no other test has.
fn name(test: &str) -> String {
    format!("one{test}{}", std::process::id() % 1_000_000)
}

#[test]
fn the_host_and_a_driver_that_takes_nothing_talk_over_a_tap_device() {
    let _turn = ADDRESSES.lock().unwrap_or_else(PoisonError::into_inner);
    let name = name("udp");
    let Some(port) = set_up(&name) else { return };
    let busy = Port::open(&format!("tap={name}")).err().unwrap().to_string();
    assert!(busy.contains("another program has it"), "{busy}");
    let mut driver = start_on(port, without(&FEATURES));
    let socket = UdpSocket::bind((Ipv4Addr::from(HOST), 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket.send_to(b"from the host", (Ipv4Addr::from(GUEST), PORT)).unwrap();
    introduce(&mut driver);
    let (header, sent) = receive(&mut driver, |packet| has_data(packet, BY_UDP, UDP));
    assert_eq!(header, FINISHED);
    let ip = &sent[ETHERNET..];
    assert_eq!(ip[IP + UDP..], *b"from the host");
    assert_eq!(sum(&[&pseudo_header(ip), &ip[IP..]].concat()), 0xffff, "the sum is finished");
    let text = b"from the guest";
    let rest = [&((UDP + text.len()) as u16).to_be_bytes()[..], &[0; 2], text].concat();
    driver.request(SEND, &[&answer(&sent, &rest, 6)], &[]);
    let mut bytes = [0; 64];
    let (length, from) = socket.recv_from(&mut bytes).unwrap();
    assert_eq!(bytes[..length], *text);
    assert_eq!(from, (Ipv4Addr::from(GUEST), PORT).into());
}

/// Has the host send 10,000 bytes by TCP, and returns header and length of the packets that have them.
fn send_by_tcp(driver: &mut Driver) -> Vec<(Vec<u8>, usize)> {
    const LENGTH: usize = 10_000;
    const TCP: usize = 20;
    let host = thread::spawn(|| {
        let mut guest = TcpStream::connect((Ipv4Addr::from(GUEST), PORT)).unwrap();
        guest.write_all(&[7; LENGTH]).unwrap();
        guest
    });
    let ports = accept(driver);
    let is_of_it = |packet: &[u8]| packet[ETHERNET + IP..].starts_with(&ports) && !is_call(packet);
    let (mut packets, mut length) = (Vec::new(), 0);
    while length < LENGTH {
        let (header, packet) =
            receive(driver, |packet| has_data(packet, BY_TCP, TCP) && is_of_it(packet));
        length += packet.len() - ETHERNET - IP - TCP;
        packets.push((header, packet.len()));
    }
    drop(host.join().unwrap());
    packets
}

#[test]
fn a_driver_gets_long_packets_when_it_takes_them_and_else_what_a_wire_has() {
    let _turn = ADDRESSES.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(port) = set_up(&name("tcp")) else { return };
    let mut driver = start_on(port, u64::MAX);
    let socket = UdpSocket::bind((Ipv4Addr::from(HOST), 0)).unwrap();
    socket.send_to(b"", (Ipv4Addr::from(GUEST), PORT)).unwrap();
    introduce(&mut driver);
    let packets = send_by_tcp(&mut driver);
    let (header, _) = packets.iter().find(|(_, length)| FRAME < *length).expect("a long packet");
    assert_eq!(header[..2], [1, 1], "the sum is needed, and segments of TCP");
    assert_eq!(header[4..6], 1460_u16.to_le_bytes(), "as long as the guest has asked for");

    driver.restart(without(&FEATURES));
    give_chains(&mut driver);
    for (header, length) in send_by_tcp(&mut driver) {
        assert_eq!(header, FINISHED);
        assert!(length <= FRAME, "{length} bytes");
    }
}
