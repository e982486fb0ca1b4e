//! A balloon that a driver in the guest fills, by what the metrics say of it.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use serde_json::Value;

use crate::driver::{BUFFERS, Driver};
use crate::program::{has_kvm, temporary};
use crate::remote::Guest;
use crate::{TRANSPORTS, assert_powered_off};

/// Kind of device.
const BALLOON: u64 = 5;

/// Bytes of a page, and the pages that the guest gives.
const PAGE: u64 = 4096;
const FIRST: u64 = 0x50_0000 / PAGE;
const COUNT: u64 = 64;

/// Where the configuration says how many pages are wanted, and how many are given.
const WANTED: u64 = 0;
const GIVEN: u64 = 4;

/// Returns what the last line of the metrics has of the balloon: what is wanted, and what is given.
fn last(metrics: &Path) -> [u64; 2] {
    let lines = fs::read_to_string(metrics).unwrap();
    let whole = lines.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let last: Option<Value> = whole.lines().last().map(|line| serde_json::from_str(line).unwrap());
    let number = |name: &str| last.as_ref()?["balloon"][name].as_u64();
    ["target", "actual"].map(|name| number(name).unwrap_or_default())
}

#[test]
fn pages_go_to_the_host_and_its_user_says_how_many() {
    if !has_kvm() {
        return;
    }
    for transport in TRANSPORTS {
        let name = format!("balloon-{}", transport.name());
        let [socket, metrics] =
            ["socket", "metrics"].map(|end| temporary(&format!("{name}.{end}")));
        // Of a run that was killed.
        let _ = fs::remove_file(&socket);
        let option = format!("target=128K,socket={}", socket.display());
        let options = ["--transport", transport.name(), "--balloon", &option];
        let metrics_options = ["--metrics", metrics.to_str().unwrap()];
        let mut guest = Guest::boot(&name, &[&options[..], &metrics_options].concat());
        let mut balloon = Driver::find(&mut guest, transport, BALLOON);
        balloon.start(1);
        assert_eq!(balloon.guest.read(balloon.config + WANTED, 4), (128 << 10) / PAGE);
        UnixDatagram::unbound().unwrap().send_to(b"256K", &socket).unwrap();
        let is_changed =
            |balloon: &mut Driver<'_>| balloon.guest.read(balloon.config + WANTED, 4) == COUNT;
        balloon.wait("more is wanted", is_changed);
        let page = |number: u64| (FIRST + number) * PAGE;
        balloon.guest.fill(page(0), (COUNT * PAGE / 8) as u16, 7);
        balloon.guest.write(page(COUNT), 8, 7);
        for pair in 0..COUNT / 2 {
            let first = FIRST + 2 * pair;
            balloon.guest.write(BUFFERS + 8 * pair, 8, first | (first + 1) << 32);
        }
        balloon.request(0, &[(BUFFERS, 4 * COUNT as u32, 0)]);
        let found =
            [0, COUNT / 2, COUNT - 1, COUNT].map(|number| balloon.guest.read(page(number), 8));
        assert_eq!(found, [0, 0, 0, 7], "{transport:?}: the host has what was given");
        balloon.guest.write(balloon.config + GIVEN, 4, COUNT);
        // The balloon of a guest that is off is empty: a line before the last one has it.
        balloon.wait("the metrics have it", |_| last(&metrics) == [COUNT * PAGE; 2]);
        assert_powered_off(&guest.power_off());
        assert_eq!(last(&metrics), [COUNT * PAGE, 0]);
        assert!(!socket.exists(), "the program removes its socket");
    }
}
