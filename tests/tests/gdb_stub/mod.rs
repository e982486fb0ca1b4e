//! A stub of gdb's remote protocol that has a description and a value of each register, and nothing else.

use std::io::{BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// A stub, which serves the first gdb that connects.
pub(crate) struct Stub {
    address: String,
}

impl Stub {
    /// Starts a stub on a free port. Values are those of the description's registers: bytes, and the lowest 64 bits.
    pub(crate) fn new(
        description: String,
        big_endian: bool,
        values: impl Iterator<Item = (usize, u64)>,
    ) -> Self {
        let registers: String =
            values.map(|(bytes, value)| hex(bytes, value, big_endian)).collect();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        // It ends with its gdb; one that never connects leaves it to the end of the test.
        thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            serve(&stream, &description, &registers);
        });
        Stub { address }
    }

    /// Returns where gdb finds it.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

/// A value as the protocol has it: in hex, in the byte order of the target.
fn hex(bytes: usize, value: u64, big_endian: bool) -> String {
    let mut all: Vec<u8> =
        value.to_le_bytes().into_iter().chain(std::iter::repeat(0)).take(bytes).collect();
    if big_endian {
        all.reverse();
    }
    all.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Answers packets until gdb goes.
fn serve(mut stream: &TcpStream, description: &str, registers: &str) {
    let mut bytes = BufReader::new(stream).bytes();
    let mut byte = || bytes.next().and_then(Result::ok);
    while let Some(begin) = byte() {
        if begin != b'$' {
            continue;
        }
        let packet: Vec<u8> =
            std::iter::from_fn(&mut byte).take_while(|byte| *byte != b'#').collect();
        let (_, _) = (byte(), byte());
        let answer = answer(&String::from_utf8_lossy(&packet), description, registers);
        let sum = answer.bytes().fold(0, u8::wrapping_add);
        if stream.write_all(format!("+${answer}#{sum:02x}").as_bytes()).is_err() {
            return;
        }
    }
}

fn answer(packet: &str, description: &str, registers: &str) -> String {
    match packet {
        "?" => "S05".to_owned(),
        "g" => registers.to_owned(),
        "qAttached" => "1".to_owned(),
        _ if packet.starts_with('H') || packet == "D" => "OK".to_owned(),
        _ if packet.starts_with('m') => "E01".to_owned(),
        _ if packet.starts_with("qSupported") => "PacketSize=40000;qXfer:features:read+".to_owned(),
        _ => packet
            .strip_prefix("qXfer:features:read:target.xml:")
            .and_then(|range| part(description, range))
            .unwrap_or_default(),
    }
}

/// The part of the description that `range` names: offset and length in hex.
fn part(description: &str, range: &str) -> Option<String> {
    let (offset, length) = range.split_once(',')?;
    let number = |text| usize::from_str_radix(text, 16).ok();
    let rest = description.get(number(offset)?..)?;
    let length = number(length)?.min(8192);
    Some(if length < rest.len() { format!("m{}", &rest[..length]) } else { format!("l{rest}") })
}
