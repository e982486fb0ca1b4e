//! What a driver and a person at a terminal say to each other.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::Duration;

use super::super::interrupt::Cause;
use super::super::testing::Driver;
use super::*;

type Said = Arc<Mutex<Vec<u8>>>;

fn start(window: Option<Window>) -> (Driver, Arc<Peer>, Said) {
    let said = Said::default();
    let hears = Arc::clone(&said);
    let peer = Peer::new(move |bytes| hears.lock().unwrap().extend(bytes), window).unwrap();
    let peer = Arc::new(peer);
    (Driver::start(Console::new(Arc::clone(&peer))), peer, said)
}

#[test]
fn what_the_guest_says_goes_out_in_its_order_however_it_is_cut() {
    let (mut driver, _, said) = start(None);
    assert_eq!(driver.request(SAY, &[b"one ", b"", b"two "], &[]).written, 0);
    for text in [&b"three "[..], b"four"] {
        driver.offer(SAY, &[text], &[]);
    }
    driver.kick(SAY);
    assert_eq!(*said.lock().unwrap(), b"one two three four");
    assert_eq!(driver.take(SAY).map(|used| used.written), Some(0));
}

#[test]
fn nothing_is_lost_of_more_than_a_queue_holds() {
    let (mut driver, peer, said) = start(None);
    let text: Vec<u8> = (0..3 * QUEUE).flat_map(u16::to_le_bytes).collect();
    for piece in text.chunks(2) {
        driver.request(SAY, &[piece], &[]);
    }
    assert_eq!(*said.lock().unwrap(), text);
    peer.enter(&text);
    let heard = (0..text.len()).flat_map(|_| driver.request(HEAR, &[], &[1]).bytes);
    assert_eq!(heard.collect::<Vec<u8>>(), text);
}

#[test]
fn what_is_typed_waits_for_buffers_and_buffers_for_what_is_typed() {
    let (mut driver, peer, _) = start(None);
    peer.enter(b"early");
    driver.run();
    assert_eq!(driver.take(HEAR), None);
    driver.offer(HEAR, &[], &[1, 2]);
    driver.offer(HEAR, &[], &[64]);
    driver.kick(HEAR);
    assert_eq!(driver.take(HEAR).unwrap().bytes, b"ear");
    let rest = driver.take(HEAR).unwrap();
    assert_eq!((rest.written, &rest.bytes[..2]), (2, &b"ly"[..]));
    assert_eq!(driver.interrupts(), [Cause::Queue(HEAR as u16)]);
    driver.offer(HEAR, &[], &[64]);
    driver.kick(HEAR);
    assert_eq!(driver.take(HEAR), None);
    peer.enter(b"late");
    driver.run();
    assert_eq!(driver.take(HEAR).unwrap().bytes[..4], *b"late");
}

#[test]
fn who_types_waits_until_the_guest_has_taken_it() {
    let (mut driver, peer, _) = start(None);
    peer.enter(b"first");
    let typing = thread::spawn(move || peer.enter(b"second"));
    thread::sleep(Duration::from_millis(20));
    assert!(!typing.is_finished());
    assert_eq!(driver.request(HEAR, &[], &[4]).bytes, b"firs");
    thread::sleep(Duration::from_millis(20));
    assert!(!typing.is_finished(), "there is more");
    assert_eq!(driver.request(HEAR, &[], &[1]).bytes, b"t");
    typing.join().unwrap();
    assert_eq!(driver.request(HEAR, &[], &[6]).bytes, b"second");
}

#[test]
fn what_was_typed_before_a_reset_is_heard_after_it() {
    let (mut driver, peer, _) = start(None);
    peer.enter(b"kept");
    driver.restart(u64::MAX);
    assert_eq!(driver.request(HEAR, &[], &[4]).bytes, b"kept");
}

#[test]
fn the_guest_knows_the_size_of_its_window_and_hears_of_a_change() {
    static ROWS: AtomicU16 = AtomicU16::new(24);
    let (resizes, mut signals) = UnixStream::pair().unwrap();
    resizes.set_nonblocking(true).unwrap();
    let size = || Size { columns: 0x102, rows: ROWS.load(Ordering::Relaxed) };
    let window = Window::new(File::from(OwnedFd::from(resizes)), size);
    let (mut driver, ..) = start(Some(window));
    assert_eq!(driver.config(0), [2, 1, 24, 0, 0, 0, 0, 0]);
    for (rows, causes) in [(24, &[][..]), (25, &[Cause::Config])] {
        ROWS.store(rows, Ordering::Relaxed);
        signals.write_all(&[0; 300]).unwrap();
        driver.run();
        assert_eq!(driver.interrupts(), causes);
        assert_eq!(driver.config(2), rows.to_le_bytes());
    }
}

#[test]
fn without_a_window_there_is_no_size() {
    let (mut driver, peer, _) = start(None);
    assert_eq!(Console::new(peer).features(), 0);
    driver.run();
    assert_eq!(driver.config(0), [0; 4]);
}

#[test]
fn more_than_can_be_said_at_once_stops_the_device_and_less_does_not() {
    for (length, stops) in [(MOST, false), (MOST + 1, true)] {
        let (mut driver, _, said) = start(None);
        driver.offer(SAY, &[&vec![b'a'; length]], &[]);
        driver.kick(SAY);
        assert_eq!(driver.needs_reset(), stops);
        assert_eq!(said.lock().unwrap().len(), if stops { 0 } else { MOST });
    }
}
