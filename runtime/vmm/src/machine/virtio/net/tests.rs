//! Packets between a driver and a socket, which keeps them apart as a tap device does.

mod live;
mod offloads;

use std::os::unix::net::UnixDatagram;

use arbtest::arbtest;

use super::super::hostile::torment;
use super::super::interrupt::Cause;
use super::super::testing::{Driver, Mistake, expect_stops};
use super::*;

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 7];

/// Header of a packet in one chain, of which nothing is left to do.
const FINISHED: [u8; HEADER] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0];

fn start() -> (Driver, UnixDatagram) {
    start_with(u64::MAX)
}

/// Starts an interface with those of its features.
fn start_with(features: u64) -> (Driver, UnixDatagram) {
    let (ours, theirs) = UnixDatagram::pair().unwrap();
    for socket in [&ours, &theirs] {
        socket.set_nonblocking(true).unwrap();
    }
    let port = Port { name: "socket".to_owned(), tap: Tap::from(theirs), mac: Some(MAC) };
    (Driver::start_with(Net::new(Arc::new(port)), features), ours)
}

/// Returns a packet behind a header of zeros.
fn packet(text: &[u8]) -> Vec<u8> {
    [&[0; HEADER], text].concat()
}

/// All features but these.
fn without(features: &[u32]) -> u64 {
    features.iter().fold(u64::MAX, |features, feature| features & !(1 << feature))
}

/// Takes a packet whose header says in how many chains it is; these must be there when the first one is.
fn take_packet(driver: &mut Driver) -> Option<(u16, Vec<u8>)> {
    let first = driver.take(RECEIVE)?;
    let count = u16::from_le_bytes([first.bytes[10], first.bytes[11]]);
    let mut bytes = first.bytes[..first.written as usize].to_vec();
    for _ in 1..count {
        let used = driver.take(RECEIVE).expect("all of the packet");
        bytes.extend(&used.bytes[..used.written as usize]);
    }
    Some((count, bytes))
}

#[test]
fn what_the_guest_sends_is_one_packet_however_it_is_cut() {
    let (mut driver, host) = start();
    let used = driver.request(SEND, &[&[0; HEADER], b"pi", b"ng"], &[]);
    assert_eq!(used.written, 0);
    let mut bytes = [0; 64];
    let length = host.recv(&mut bytes).unwrap();
    assert_eq!(bytes[..length], packet(b"ping"));
    assert!(host.recv(&mut bytes).is_err(), "there is one packet");
}

#[test]
fn packets_wait_for_buffers_and_buffers_for_packets() {
    let (mut driver, host) = start();
    host.send(&packet(b"early")).unwrap();
    driver.run();
    assert_eq!(driver.take(RECEIVE), None);
    driver.offer(RECEIVE, &[], &[HEADER, 20]);
    driver.offer(RECEIVE, &[], &[64]);
    driver.kick(RECEIVE);
    let early = driver.take(RECEIVE).unwrap();
    assert_eq!(early.written as usize, HEADER + 5);
    assert_eq!(early.bytes[..HEADER + 5], [&FINISHED[..], b"early"].concat());
    assert_eq!(driver.take(RECEIVE), None);
    assert_eq!(driver.interrupts(), [Cause::Queue(RECEIVE as u16)]);
    host.send(&packet(b"late")).unwrap();
    driver.run();
    assert_eq!(driver.take(RECEIVE).unwrap().bytes[HEADER..HEADER + 4], *b"late");
}

#[test]
fn no_driver_breaks_it() {
    arbtest(|u| {
        let (mut driver, host) = start();
        for _ in 0..u.int_in_range(0..=2)? {
            host.send(&packet(u.bytes(16)?)).unwrap();
        }
        torment(u, &mut driver)?;
        let mut bytes = vec![0; MOST];
        while host.recv(&mut bytes).is_ok() {}
        driver.request(SEND, &[&packet(b"sent")], &[]);
        let length = host.recv(&mut bytes).unwrap();
        assert_eq!(bytes[..length], packet(b"sent"));
        // What the host sent before comes before.
        host.send(&packet(b"the last")).unwrap();
        let mut is_last =
            || driver.request(RECEIVE, &[], &[64]).bytes[HEADER..][..8] == *b"the last";
        assert!((0..3).any(|_| is_last()));
        Ok(())
    })
    .budget_ms(1000);
}

#[test]
fn buffers_of_before_a_reset_are_not_used() {
    let (mut driver, host) = start();
    driver.offer(RECEIVE, &[], &[64]);
    driver.kick(RECEIVE);
    driver.restart(u64::MAX);
    host.send(&packet(b"text")).unwrap();
    driver.run();
    assert_eq!(driver.take(RECEIVE), None);
    driver.offer(RECEIVE, &[], &[64]);
    driver.kick(RECEIVE);
    assert_eq!(driver.take(RECEIVE).unwrap().bytes[HEADER..HEADER + 4], *b"text");
}

#[test]
fn more_packets_than_a_queue_holds_all_arrive() {
    let (mut driver, host) = start();
    for number in 0..3 * u32::from(QUEUE) {
        host.send(&packet(&number.to_le_bytes())).unwrap();
        driver.offer(RECEIVE, &[], &[64]);
        driver.kick(RECEIVE);
        let used = driver.take(RECEIVE).unwrap();
        assert_eq!(used.bytes[HEADER..HEADER + 4], number.to_le_bytes());
    }
}

#[test]
fn a_packet_that_nobody_takes_is_lost_and_the_next_is_not() {
    let (mut driver, host) = start();
    let sent = packet(b"again");
    for _ in 0..2 * usize::from(QUEUE) {
        assert_eq!(driver.request(SEND, &[&sent], &[]).written, 0);
    }
    let mut bytes = [0; 64];
    while host.recv(&mut bytes).is_ok() {}
    driver.request(SEND, &[&packet(b"next")], &[]);
    let length = host.recv(&mut bytes).unwrap();
    assert_eq!(bytes[..length], packet(b"next"));
}

#[test]
fn what_is_no_packet_stops_the_device() {
    let long = vec![0; MOST + 1];
    let mistakes: &[Mistake<'_>] = &[
        (SEND, &[&[0; HEADER - 1]], &[]),
        (SEND, &[&long], &[]),
        (SEND, &[], &[64]),
        (RECEIVE, &[], &[HEADER - 1]),
        (RECEIVE, &[&[0; 64]], &[]),
    ];
    expect_stops(mistakes, || {
        let (driver, host) = start();
        host.send(&packet(b"text")).unwrap();
        (driver, host)
    });
}

#[test]
fn the_driver_sees_the_address() {
    let (driver, _host) = start();
    assert_eq!(driver.config(0), MAC);
}

#[test]
fn wrong_options_say_what_is_right() {
    for option in ["", "eth0", "tap=t,", "tap=t,mac=", "tap=t,mac=2:0:0:0:0:1", "tap=t,ro"] {
        let failure = Port::open(option).err().unwrap().to_string();
        assert!(failure.contains("tap=NAME,mac="), "{failure}");
    }
    assert_eq!(parse_mac("02:00:00:00:00:07"), Some(MAC));
    assert_eq!(parse_mac("01:00:00:00:00:07"), None, "a group");
    assert_eq!(parse_mac("00:00:00:00:00:00"), None);
    assert_eq!(parse_mac("02:00:00:00:00:07:00"), None);
}
