//! A driver and programs of the host on Unix sockets.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use arbtest::arbtest;

use super::super::hostile::vsock::{Host, PORT, torment_vsock};
use super::super::testing::{Driver, Mistake, expect_stops};
use super::connection::ROOM;
use super::packet::{Address, HOST, SENDS_NO_MORE, STREAM, TAKES_NO_MORE, operation as op};
use super::switch::CONNECTIONS;
use super::*;

const GUEST: u64 = 3;

fn start() -> (Driver, Host) {
    let host = Host::new();
    (Driver::start(host.device()), host)
}

/// A packet from a port of the guest to one of the host.
fn header(operation: u16, from: u32, to: u32) -> Header {
    Header {
        from: Address { cid: GUEST, port: from },
        to: Address { cid: HOST, port: to },
        kind: STREAM,
        operation,
        room: 4096,
        ..Header::default()
    }
}

fn send(driver: &mut Driver, header: Header, data: &[u8]) {
    let header = Header { length: data.len() as u32, ..header };
    driver.request(SEND, &[&header.bytes(), data], &[]);
}

/// Gives the device a buffer, and returns what it puts there, if that is anything.
fn receive(driver: &mut Driver) -> Option<(Header, Vec<u8>)> {
    driver.offer(RECEIVE, &[], &[HEADER, 4096]);
    driver.kick(RECEIVE);
    next(driver)
}

/// Returns what the device has put into a buffer.
fn next(driver: &mut Driver) -> Option<(Header, Vec<u8>)> {
    let used = driver.take(RECEIVE)?;
    let (header, data) = used.bytes.split_at(HEADER);
    let words = header.chunks(4).map(|word| u32::from_ne_bytes(word.try_into().unwrap()));
    let header = Header::from_words(words.collect::<Vec<_>>().try_into().unwrap());
    assert_eq!(used.written as usize, HEADER + header.length as usize);
    Some((header, data[..header.length as usize].to_vec()))
}

/// Returns the operation and the ports of what the device says next: from the host's to the guest's.
fn answer(driver: &mut Driver) -> (u16, u32, u32) {
    let (header, _) = receive(driver).expect("an answer");
    (header.operation, header.from.port, header.to.port)
}

/// Reads what a program finds; the end is a text of its own.
fn read(mut program: &UnixStream) -> String {
    let mut bytes = [0; 4096];
    match program.read(&mut bytes) {
        Ok(0) => "the end".to_owned(),
        Ok(length) => String::from_utf8(bytes[..length].to_vec()).unwrap(),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            String::new()
        }
    }
}

#[test]
fn a_program_reaches_the_guest() {
    let (mut driver, host) = start();
    let program = host.call("CONNECT 52\nhello");
    driver.run();
    let (request, _) = receive(&mut driver).unwrap();
    assert_eq!((request.operation, request.to.port), (op::REQUEST, 52));
    assert_eq!((request.from.cid, request.to.cid, request.room), (HOST, GUEST, ROOM));
    let port = request.from.port;
    assert_eq!(read(&program), "");
    send(&mut driver, header(op::RESPONSE, 52, port), b"");
    assert_eq!(read(&program), format!("OK {port}\n"));
    let (data, text) = receive(&mut driver).unwrap();
    assert_eq!((data.operation, &text[..]), (op::DATA, &b"hello"[..]));
    send(&mut driver, header(op::DATA, 52, port), b"to the host");
    assert_eq!(read(&program), "to the host");
    program.shutdown(std::net::Shutdown::Write).unwrap();
    driver.run();
    let (end, _) = receive(&mut driver).unwrap();
    assert_eq!((end.operation, end.flags), (op::SHUTDOWN, SENDS_NO_MORE));
    send(&mut driver, header(op::DATA, 52, port), b"still");
    assert_eq!(read(&program), "still");
    let both = SENDS_NO_MORE | TAKES_NO_MORE;
    send(&mut driver, Header { flags: both, ..header(op::SHUTDOWN, 52, port) }, b"");
    assert_eq!(read(&program), "the end");
    assert_eq!(next(&mut driver), None);
    assert_eq!(answer(&mut driver), (op::RESET, port, 52));
}

#[test]
fn the_guest_reaches_a_program() {
    let (mut driver, host) = start();
    send(&mut driver, header(op::REQUEST, 1025, PORT), b"");
    let (mut program, _) = host.listener.accept().unwrap();
    program.set_nonblocking(true).unwrap();
    assert_eq!(answer(&mut driver), (op::RESPONSE, PORT, 1025));
    send(&mut driver, header(op::DATA, 1025, PORT), b"hello");
    assert_eq!(read(&program), "hello");
    program.write_all(b"to the guest").unwrap();
    driver.run();
    assert_eq!(receive(&mut driver).unwrap().1, b"to the guest");
    drop(program);
    driver.run();
    let (end, _) = receive(&mut driver).unwrap();
    assert_eq!((end.operation, end.flags), (op::SHUTDOWN, SENDS_NO_MORE | TAKES_NO_MORE));
    send(&mut driver, header(op::RESET, 1025, PORT), b"");
    send(&mut driver, header(op::DATA, 1025, PORT), b"more");
    assert_eq!(answer(&mut driver), (op::RESET, PORT, 1025));
}

#[test]
fn what_nobody_waits_for_is_refused() {
    let (mut driver, _host) = start();
    for operation in [op::REQUEST, op::RESPONSE, op::DATA, op::SHUTDOWN, op::CREDIT_REQUEST] {
        send(&mut driver, header(operation, 1025, 8), b"");
        assert_eq!(answer(&mut driver), (op::RESET, 8, 1025), "{operation}");
    }
    let elsewhere = Address { cid: 9, port: PORT };
    send(&mut driver, Header { to: elsewhere, ..header(op::REQUEST, 1025, PORT) }, b"");
    let (refusal, _) = receive(&mut driver).unwrap();
    assert_eq!((refusal.operation, refusal.from), (op::RESET, elsewhere));
    send(&mut driver, Header { kind: 2, ..header(op::REQUEST, 1025, PORT) }, b"");
    let (refusal, _) = receive(&mut driver).unwrap();
    assert_eq!((refusal.operation, refusal.kind), (op::RESET, 2));
    send(&mut driver, header(op::RESET, 1025, 8), b"");
    let somebody = Address { cid: 4, port: 1025 };
    send(&mut driver, Header { from: somebody, ..header(op::REQUEST, 1025, PORT) }, b"");
    assert_eq!(receive(&mut driver), None);
}

#[test]
fn programs_that_ask_for_no_port_are_sent_away() {
    let (mut driver, host) = start();
    let programs = ["GET / HTTP/1.1\n", "CONNECT x\n"].map(|said| host.call(said));
    let slow = host.call("CONN");
    driver.run();
    for program in &programs {
        assert!((&mut &*program).read(&mut [0]).is_ok_and(|length| length == 0));
    }
    (&slow).write_all(b"ECT 1\n").unwrap();
    driver.run();
    assert_eq!(receive(&mut driver).unwrap().0.to.port, 1);
}

#[test]
fn connections_are_limited_and_one_that_ends_makes_room() {
    let (mut driver, host) = start();
    let mut programs = Vec::new();
    for port in 0..CONNECTIONS as u32 {
        send(&mut driver, header(op::REQUEST, port, PORT), b"");
        programs.push(host.listener.accept().unwrap());
        assert_eq!(answer(&mut driver).0, op::RESPONSE);
    }
    send(&mut driver, header(op::REQUEST, 1 << 20, PORT), b"");
    assert_eq!(answer(&mut driver).0, op::RESET);
    let _waiting = host.call("CONNECT 52\n");
    driver.run();
    assert_eq!(receive(&mut driver), None);
    send(&mut driver, header(op::RESET, 0, PORT), b"");
    let (request, _) = next(&mut driver).unwrap();
    assert_eq!((request.operation, request.to.port), (op::REQUEST, 52));
}

#[test]
fn a_program_that_found_no_room_has_it_after_a_reset() {
    let (mut driver, host) = start();
    for port in 0..CONNECTIONS as u32 {
        send(&mut driver, header(op::REQUEST, port, PORT), b"");
        host.listener.accept().unwrap();
    }
    let _waiting = host.call("CONNECT 52\n");
    driver.run();
    driver.restart(u64::MAX);
    assert_eq!(receive(&mut driver).unwrap().0.to.port, 52);
}

#[test]
fn a_driver_that_takes_no_answers_is_not_heard_until_it_does() {
    const SENT: usize = 1000;
    let (mut driver, _host) = start();
    let (mut sent, mut heard) = (0, 0);
    let stray = header(op::DATA, 1, 8).bytes();
    while sent < SENT && sent < heard + usize::from(QUEUE) {
        driver.offer(SEND, &[&stray], &[]);
        driver.kick(SEND);
        sent += 1;
        while driver.take(SEND).is_some() {
            heard += 1;
        }
    }
    assert!(heard < usize::from(QUEUE), "{heard} are heard");
    let mut refused = 0;
    while receive(&mut driver).is_some() {
        refused += 1;
    }
    assert_eq!(refused, sent);
}

#[test]
fn connections_take_turns() {
    let (mut driver, host) = start();
    let mut programs = Vec::new();
    for port in [1, 2] {
        send(&mut driver, header(op::REQUEST, port, PORT), b"");
        assert_eq!(answer(&mut driver).0, op::RESPONSE);
        programs.push(host.listener.accept().unwrap().0);
    }
    for program in &mut programs {
        program.write_all(&[7; 8192]).unwrap();
    }
    driver.run();
    let mut turn = || receive(&mut driver).unwrap().0.to.port;
    assert_ne!(turn(), turn());
}

#[test]
fn a_reset_ends_every_connection_and_a_program_may_call_again() {
    let (mut driver, host) = start();
    let early = host.call("CONNECT 52\n");
    driver.run();
    driver.restart(u64::MAX);
    assert!((&early).read(&mut [0]).is_ok_and(|length| length == 0));
    assert_eq!(receive(&mut driver), None);
    let _late = host.call("CONNECT 53\n");
    driver.run();
    assert_eq!(next(&mut driver).unwrap().0.to.port, 53);
}

#[test]
fn a_program_may_call_before_the_guest_is_there() {
    let host = Host::new();
    let _early = host.call("CONNECT 52\n");
    let mut driver = Driver::start(host.device());
    assert_eq!(receive(&mut driver).unwrap().0.to.port, 52);
}

#[test]
fn what_is_no_packet_stops_the_device() {
    let long = Header { length: ROOM + 1, ..header(op::DATA, 1, 8) }.bytes();
    let more = Header { length: 5, ..header(op::DATA, 1, 8) }.bytes();
    let mistakes: &[Mistake<'_>] = &[
        (SEND, &[&[0; HEADER - 1]], &[]),
        (SEND, &[&long, &[0; ROOM as usize + 1]], &[]),
        (SEND, &[&more, b"text"], &[]),
        (SEND, &[], &[64]),
        (RECEIVE, &[], &[HEADER - 1]),
        (RECEIVE, &[&[0; 64]], &[]),
    ];
    expect_stops(mistakes, start);
}

#[test]
fn no_driver_and_no_program_breaks_it() {
    arbtest(torment_vsock).budget_ms(2000);
}

#[test]
fn the_driver_sees_its_number() {
    let (driver, _host) = start();
    assert_eq!(driver.config(0), GUEST.to_le_bytes());
}

#[test]
fn the_socket_is_there_as_long_as_its_device() {
    let host = Host::new();
    let path = host.path.clone();
    let option = format!("cid=3,socket={}", path.display());
    let failure = Endpoint::open(&option).err().unwrap().to_string();
    let says = [path.to_str().unwrap(), "a file is in the way: remove it"];
    assert!(says.iter().all(|says| failure.contains(says)), "{failure}");
    drop(host);
    assert!(!fs::exists(&path).unwrap());
    let (_, file) = Endpoint::open(&option).unwrap();
    fs::remove_file(&path).unwrap();
    drop(file);
}

#[test]
fn wrong_options_say_what_is_right() {
    let long = format!("cid=3,socket={}", "x".repeat(97));
    for option in [
        "",
        "socket=s",
        "cid=3",
        "cid=2,socket=s",
        "cid=4294967295,socket=s",
        "cid=3,socket=",
        &long,
    ] {
        let failure = Endpoint::open(option).err().unwrap().to_string();
        assert!(failure.contains("cid=3,socket=PATH"), "{failure}");
    }
    let failure = Endpoint::open("cid=3,socket=/nowhere/socket").err().unwrap().to_string();
    assert!(failure.starts_with("cannot make the socket /nowhere/socket: No such"), "{failure}");
    assert!(!Path::new("s").exists());
}
