//! Packets that are longer than a wire has, in as many chains as they need, and whose sums the guest is to see to.

use std::cell::RefCell;

use log::{LevelFilter, Log, Metadata, Record};

use super::*;

/// Flags of headers, and kinds of segments.
const NEEDS_SUM: u8 = 1;
const HAS_SUM: u8 = 2;
const TCP4: u8 = 1;
const UDP: u8 = 3;
const TCP6: u8 = 4;
const ECN: u8 = 0x80;

/// Returns a packet that is as long as can be, behind a header of zeros.
fn longest() -> Vec<u8> {
    let bytes: Vec<u8> = (0..MOST - HEADER).map(|at| (at / 251) as u8).collect();
    packet(&bytes)
}

#[test]
fn a_long_packet_is_in_as_many_chains_as_it_needs() {
    let (mut driver, host) = start();
    for _ in 0..45 {
        driver.offer(RECEIVE, &[], &[HEADER, 1500]);
    }
    for sent in [longest(), packet(b"short"), packet(&[7; 1500]), packet(&[7; 1501])] {
        host.send(&sent).unwrap();
        driver.run();
        let (count, bytes) = take_packet(&mut driver).unwrap();
        assert_eq!(usize::from(count), sent.len().div_ceil(HEADER + 1500));
        assert_eq!(bytes[HEADER..], sent[HEADER..]);
        for _ in 0..count {
            driver.offer(RECEIVE, &[], &[HEADER, 1500]);
        }
    }
}

#[test]
fn a_long_packet_waits_for_all_of_its_chains() {
    let (mut driver, host) = start();
    for sent in [longest(), packet(b"next")] {
        host.send(&sent).unwrap();
    }
    for _ in 0..2 {
        driver.offer(RECEIVE, &[], &[30_000]);
        driver.kick(RECEIVE);
        assert_eq!(take_packet(&mut driver), None);
    }
    assert_eq!(driver.interrupts(), []);
    driver.offer(RECEIVE, &[], &[30_000]);
    driver.kick(RECEIVE);
    assert_eq!(take_packet(&mut driver).unwrap().1[HEADER..], longest()[HEADER..]);
    assert_eq!(take_packet(&mut driver), None);
    driver.offer(RECEIVE, &[], &[64]);
    driver.kick(RECEIVE);
    assert_eq!(take_packet(&mut driver).unwrap().1[HEADER..], *b"next");
}

#[test]
fn a_reset_forgets_a_packet_that_waits_and_its_chains() {
    let (mut driver, host) = start();
    host.send(&longest()).unwrap();
    driver.offer(RECEIVE, &[], &[30_000]);
    driver.kick(RECEIVE);
    driver.restart(u64::MAX);
    host.send(&packet(b"next")).unwrap();
    driver.run();
    assert_eq!(take_packet(&mut driver), None);
    driver.offer(RECEIVE, &[], &[64]);
    driver.kick(RECEIVE);
    assert_eq!(take_packet(&mut driver).unwrap().1[HEADER..], *b"next");
}

#[test]
fn all_chains_of_a_packet_count_for_the_interrupt() {
    let (mut driver, host) = start();
    for _ in 0..2 {
        for _ in 0..3 {
            driver.offer(RECEIVE, &[], &[30_000]);
        }
        host.send(&longest()).unwrap();
        driver.kick(RECEIVE);
        assert_eq!(driver.interrupts(), [Cause::Queue(RECEIVE as u16)]);
        assert_eq!(take_packet(&mut driver).unwrap().0, 3);
    }
}

/// Keeps what a thread says in the log.
struct Said;

thread_local! {
    static SAID: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

impl Log for Said {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        SAID.with_borrow_mut(|said| said.push(record.args().to_string()));
    }

    fn flush(&self) {}
}

/// Sends a long packet twice and then a short one to a driver with those features and chains of that length, which gets
/// the short one alone, and returns what the device says of the others.
fn lose(features: u64, chains: u16, length: usize) -> Vec<String> {
    // Another test may have done so.
    let _ = log::set_logger(&Said);
    log::set_max_level(LevelFilter::Warn);
    let (mut driver, host) = start_with(features);
    for _ in 0..chains {
        driver.offer(RECEIVE, &[], &[length]);
    }
    SAID.take();
    for sent in [longest(), longest(), packet(b"short")] {
        host.send(&sent).unwrap();
        driver.kick(RECEIVE);
    }
    assert_eq!(take_packet(&mut driver).unwrap().1, [&FINISHED[..], b"short"].concat());
    assert_eq!(take_packet(&mut driver), None);
    SAID.take()
}

#[test]
fn a_packet_for_which_the_guest_can_have_no_room_is_lost_which_is_said_once() {
    let unmerged = lose(without(&[VIRTIO_NET_F_MRG_RXBUF]), 3, 1526);
    let merged = lose(u64::MAX, QUEUE, 64);
    for (said, room) in [(unmerged, 1526), (merged, 64 * usize::from(QUEUE))] {
        let [said] = &said[..] else { panic!("{said:?}") };
        let lost =
            format!("socket: a packet of {MOST} bytes is lost where the guest has room for {room}");
        assert!(said.contains(&lost) && said.contains("set dev socket mtu 1500"), "{said}");
    }
}

#[test]
fn the_guest_gets_only_what_its_driver_understands() {
    const ALL: u64 = u64::MAX;
    let no_sums = without(&[VIRTIO_NET_F_GUEST_CSUM]);
    /// Features, flags and kind of segments of a packet, and the flags that the driver sees if it gets the packet.
    type Case = (u64, u8, u8, Option<u8>);
    let cases: &[Case] = &[
        (ALL, NEEDS_SUM, TCP4, Some(NEEDS_SUM)),
        (ALL, NEEDS_SUM, TCP6 | ECN, Some(NEEDS_SUM)),
        (ALL, HAS_SUM, 0, Some(HAS_SUM)),
        (ALL, NEEDS_SUM, UDP, None),
        (no_sums, 0, 0, Some(0)),
        (no_sums, HAS_SUM, 0, Some(0)),
        (no_sums, NEEDS_SUM, 0, None),
        (without(&[VIRTIO_NET_F_GUEST_TSO4]), NEEDS_SUM, TCP4, None),
        (without(&[VIRTIO_NET_F_GUEST_TSO4]), NEEDS_SUM, TCP6, Some(NEEDS_SUM)),
        (without(&[VIRTIO_NET_F_GUEST_TSO6]), NEEDS_SUM, TCP6, None),
        (without(&[VIRTIO_NET_F_GUEST_ECN]), NEEDS_SUM, TCP4 | ECN, None),
    ];
    for (features, flags, segments, expected) in cases {
        let (mut driver, host) = start_with(*features);
        host.send(&[&[*flags, *segments][..], &[9; 8], &[0; 2], b"text"].concat()).unwrap();
        driver.offer(RECEIVE, &[], &[64]);
        driver.kick(RECEIVE);
        let got = take_packet(&mut driver).map(|(_, bytes)| {
            assert_eq!(bytes[1..], [&[*segments][..], &[9; 8], &[1, 0], b"text"].concat());
            bytes[0]
        });
        assert_eq!(got, *expected, "{features:#x}: {flags} {segments}");
    }
}

#[test]
fn the_tap_device_leaves_what_the_driver_takes_as_far_as_it_knows_that() {
    const CSUM: u32 = VIRTIO_NET_F_GUEST_CSUM;
    const TSO4: u32 = VIRTIO_NET_F_GUEST_TSO4;
    const TSO6: u32 = VIRTIO_NET_F_GUEST_TSO6;
    const ECN: u32 = VIRTIO_NET_F_GUEST_ECN;
    let cases: &[(&[u32], u32)] = &[
        (&[], 0),
        (&[CSUM], 1),
        (&[CSUM, TSO4], 3),
        (&[CSUM, TSO6], 5),
        (&[CSUM, TSO4, TSO6, ECN], 15),
        (&[TSO4, ECN], 0),
        (&[CSUM, ECN], 1),
    ];
    for (features, flags) in cases {
        assert_eq!(offload::flags(!without(features)), *flags, "{features:?}");
    }
}
