//! Devices as a driver in a guest reaches them, through both transports on a real VM.
#![cfg(target_arch = "x86_64")]

mod balloon;
mod driver;
mod kernel;
mod program;
mod remote;
mod signals;
mod sockets;

use std::env;
use std::fs::{self, File};
use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process::{self, Command, Output};

use arbtest::arbitrary::{Result, Unstructured};
use arbtest::arbtest;

use driver::{BUFFERS, Descriptor, Driver, NEEDS_RESET, NEXT, STATUS, Transport, WRITE};
use program::{has_kvm, run, stderr, stdout, temporary};
use remote::Guest;

const TRANSPORTS: [Transport; 2] = [Transport::Pci, Transport::Mmio];

/// Kinds of devices.
const NETWORK: u64 = 1;
const BLOCK: u64 = 2;
const CONSOLE: u64 = 3;
const ENTROPY: u64 = 4;

/// Bytes of a sector.
const SECTOR: u32 = 512;

/// Where the driver has the parts of a request to a disk.
const HEADER: u64 = BUFFERS;
const DATA: u64 = BUFFERS + 0x1000;
const ANSWER: u64 = BUFFERS + 0x2000;

/// Kinds of such requests.
const IN: u64 = 0;
const OUT: u64 = 1;
const FLUSH: u64 = 4;

/// A file of 8 sectors, each full of its number.
fn image(name: &str) -> PathBuf {
    let path = temporary(&format!("{name}.image"));
    let bytes: Vec<u8> = (0..8).flat_map(|sector| [sector; SECTOR as usize]).collect();
    fs::write(&path, bytes).unwrap();
    path
}

/// Gives a disk a request, and expects that it succeeds.
fn request(disk: &mut Driver<'_>, kind: u64, sector: u64, data: &[(u64, u32, u16)]) {
    disk.guest.write(HEADER, 8, kind);
    disk.guest.write(HEADER + 8, 8, sector);
    disk.guest.write(ANSWER, 1, 0xff);
    disk.request(0, &[&[(HEADER, 16, 0)], data, &[(ANSWER, 1, WRITE)]].concat());
    assert_eq!(disk.guest.read(ANSWER, 1), 0, "request {kind} of sector {sector}");
}

/// Asks a source of entropy for 8 bytes.
fn random_number(source: &mut Driver<'_>) -> u64 {
    source.guest.write(BUFFERS, 8, 0);
    assert_eq!(source.request(0, &[(BUFFERS, 8, WRITE)]), 8);
    source.guest.read(BUFFERS, 8)
}

fn assert_powered_off(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    assert_eq!(stdout(output), "");
}

#[test]
fn sectors_are_read_written_and_flushed() {
    if !has_kvm() {
        return;
    }
    for transport in TRANSPORTS {
        let name = format!("sectors-{}", transport.name());
        let image = image(&name);
        for engine in ["sync", "io_uring"] {
            let disk = format!("{},engine={engine}", image.display());
            let options = ["--transport", transport.name(), "--disk", &disk];
            let mut guest = Guest::boot(&name, &options);
            let mut disk = Driver::find(&mut guest, transport, BLOCK);
            disk.start(1);
            request(&mut disk, IN, 3, &[(DATA, SECTOR, WRITE)]);
            assert_eq!(disk.guest.read(DATA, 8), 0x0303_0303_0303_0303);
            let text = format!("{engine:_<8}");
            disk.guest.write(DATA, 8, u64::from_le_bytes(text.as_bytes().try_into().unwrap()));
            request(&mut disk, OUT, 6, &[(DATA, SECTOR, 0)]);
            request(&mut disk, FLUSH, 0, &[]);
            assert_powered_off(&guest.power_off());
            let file = fs::read(&image).unwrap();
            let sector = |number: usize| &file[number * 512..][..512];
            assert_eq!(*sector(6), *[text.as_bytes(), &[3; 504]].concat());
            assert_eq!([sector(5), sector(7)], [[5; 512], [7; 512]]);
        }
    }
}

/// Queue of a console for what the guest says.
const SAY: u64 = 1;

/// Finds a console and starts it.
fn find_console(guest: &mut Guest, transport: Transport) -> Driver<'_> {
    let mut console = Driver::find(guest, transport, CONSOLE);
    console.start(2);
    console
}

#[test]
fn what_the_guest_says_on_a_virtio_console_is_in_its_file() {
    if !has_kvm() {
        return;
    }
    for transport in TRANSPORTS {
        let file = temporary(&format!("said-{}.text", transport.name()));
        let options = ["--transport", transport.name(), "--virtio-console", file.to_str().unwrap()];
        let mut guest = Guest::boot(&format!("said-{}", transport.name()), &options);
        let mut console = find_console(&mut guest, transport);
        for text in [b"one and ", b"another\n"] {
            console.guest.write(BUFFERS, 8, u64::from_le_bytes(*text));
            assert_eq!(console.request(SAY, &[(BUFFERS, 3, 0), (BUFFERS + 3, 5, 0)]), 0);
        }
        assert_powered_off(&guest.power_off());
        assert_eq!(fs::read(&file).unwrap(), b"one and another\n", "{transport:?}");
    }
}

#[test]
fn a_kernel_that_gives_up_on_a_virtio_console_is_a_crash() {
    if !has_kvm() {
        return;
    }
    let cause = "Kernel panic - not syncing: a test";
    let text = format!("{cause}\n---[ end {cause} ]---\n");
    for transport in TRANSPORTS {
        let options = ["--transport", transport.name(), "--virtio-console", "none"];
        let mut guest = Guest::boot(&format!("panics-{}", transport.name()), &options);
        let mut console = find_console(&mut guest, transport);
        for (address, byte) in (BUFFERS..).zip(text.bytes()) {
            console.guest.write(address, 1, byte.into());
        }
        console.describe(SAY, 0, (BUFFERS, text.len() as u32, 0, 0));
        console.make_available(SAY, 0);
        let bell = console.bell(SAY);
        let output = guest.end_by_write(bell);
        assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
        let said = stderr(&output);
        assert!(said.starts_with("onereg-vmm: its kernel ended the guest; "), "{said}");
        assert!(said.contains("\nvCPU 0 at 0x"), "{said}");
        assert!(said.ends_with(&format!("onereg-vmm: the guest crashed: {cause}\n")), "{said}");
    }
}

#[test]
fn an_output_that_takes_nothing_ends_the_run() {
    if !has_kvm() {
        return;
    }
    for transport in TRANSPORTS {
        let options = ["--transport", transport.name(), "--virtio-console", "/dev/full"];
        let mut guest = Guest::boot(&format!("full-{}", transport.name()), &options);
        let mut console = find_console(&mut guest, transport);
        console.describe(SAY, 0, (BUFFERS, 8, 0, 0));
        console.make_available(SAY, 0);
        let bell = console.bell(SAY);
        let output = guest.end_by_write(bell);
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        let expected = "onereg-vmm: cannot write to the output: No space left on device";
        assert!(stderr(&output).starts_with(expected), "{}", stderr(&output));
    }
}

#[test]
fn who_does_not_wait_for_an_output_that_nobody_takes_ends_the_run() {
    if !has_kvm() {
        return;
    }
    let (_reader, writer) = io::pipe().unwrap();
    let path = format!("/proc/{}/fd/{}", process::id(), writer.as_raw_fd());
    let mut guest = Guest::boot("untaken", &["--virtio-console", &path]);
    let mut console = find_console(&mut guest, Transport::Pci);
    // More than a pipe has room for.
    console.describe(SAY, 0, (BUFFERS, 1 << 20, 0, 0));
    console.make_available(SAY, 0);
    console.kick(SAY);
    let output = guest.power_off_and_interrupt();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert_eq!(stderr(&output), "onereg-vmm: interrupted\n");
}

/// Says whether this user can make tap devices; where not but `CI=true` promises it, fails.
fn has_tap() -> bool {
    let can = File::options().read(true).write(true).open("/dev/net/tun").is_ok();
    if !can {
        assert!(
            env::var_os("CI").is_none_or(|value| value != "true"),
            "CI=true promises /dev/net/tun"
        );
        println!("skipped: there is no /dev/net/tun for this user");
    }
    can
}

#[test]
fn packets_come_and_go() {
    if !has_kvm() || !has_tap() {
        return;
    }
    for transport in TRANSPORTS {
        let tap = format!("one{}{}", transport.name(), process::id() % 1_000_000);
        let net = format!("tap={tap}");
        let mut guest = Guest::boot(&tap, &["--transport", transport.name(), "--net", &net]);
        let mut interface = Driver::find(&mut guest, transport, NETWORK);
        interface.start(2);
        for args in
            [&["addr", "add", "192.0.2.1/30", "dev", &tap][..], &["link", "set", &tap, "up"]]
        {
            assert!(Command::new("ip").args(args).status().unwrap().success(), "ip {args:?}");
        }
        // The host asks who has the address.
        let host = UdpSocket::bind("192.0.2.1:0").unwrap();
        host.send_to(b"text", "192.0.2.2:4000").unwrap();
        let frame = interface.request(0, &[(DATA, 2048, WRITE)]);
        assert!(12 + 14 < frame, "{frame}");
        interface.guest.write(HEADER, 8, 0);
        interface.guest.write(HEADER + 8, 4, 0);
        interface.request(1, &[(HEADER, 12, 0), (DATA, 60, 0)]);
        let count = fs::read_to_string(format!("/sys/class/net/{tap}/statistics/rx_packets"));
        assert_eq!(count.unwrap().trim_end(), "1");
        assert_powered_off(&guest.power_off());
    }
}

#[test]
fn an_interrupt_follows_what_was_done() {
    if !has_kvm() {
        return;
    }
    const VECTOR: u64 = 0x51;
    for transport in TRANSPORTS {
        let options = ["--transport", transport.name()];
        let mut guest = Guest::boot(&format!("interrupt-{}", transport.name()), &options);
        let mut source = Driver::find(&mut guest, transport, ENTROPY);
        source.start(1);
        source.connect(VECTOR);
        assert!(!source.is_interrupted(VECTOR), "{transport:?}: nothing was done");
        random_number(&mut source);
        source.wait("the interrupt comes", |source| source.is_interrupted(VECTOR));
        assert_powered_off(&guest.power_off());
    }
}

#[test]
fn a_mistake_of_the_driver_stops_its_device_until_it_is_reset() {
    if !has_kvm() {
        return;
    }
    let behind_memory = 0x7000_0000;
    let mistakes: [(&str, &[Descriptor], u16); 5] = [
        ("goes round", &[(BUFFERS, 8, NEXT | WRITE, 0)], 0),
        ("goes on behind the table", &[(BUFFERS, 8, NEXT | WRITE, 8)], 0),
        ("lies behind memory", &[(behind_memory, 8, WRITE, 0)], 0),
        ("has a huge length", &[(BUFFERS, u32::MAX, WRITE, 0)], 0),
        ("begins behind the table", &[], 8),
    ];
    for transport in TRANSPORTS {
        let options = ["--transport", transport.name()];
        let mut guest = Guest::boot(&format!("mistakes-{}", transport.name()), &options);
        let mut source = Driver::find(&mut guest, transport, ENTROPY);
        for (what, descriptors, head) in mistakes {
            source.start(1);
            for (index, descriptor) in (0..).zip(descriptors) {
                source.describe(0, index, *descriptor);
            }
            source.make_available(0, head);
            source.kick(0);
            let stops = format!("{transport:?}: a chain that {what} stops the device");
            source.wait(&stops, |source| source.get(STATUS) & NEEDS_RESET != 0);
        }
        source.start(1);
        assert_ne!(random_number(&mut source), 0, "{transport:?}: it works after a reset");
        let output = guest.power_off();
        assert_powered_off(&output);
        let said = stderr(&output);
        assert_eq!(said.lines().count(), 1, "{transport:?}: {said}");
        assert!(said.contains("virtio-rng0: the driver gave "), "{transport:?}: {said}");
    }
}

/// Writes anything to the registers of a device; a driver starts it again.
fn torment(u: &mut Unstructured<'_>, source: &mut Driver<'_>) -> Result<()> {
    for _ in 0..u.int_in_range(1..=32)? {
        let width = *u.choose(&[1, 2, 4, 8])?;
        let offset = u.int_in_range(0..=0xfff)? & !(width as u64 - 1);
        // Small numbers, the rings, and what is in no memory: the device must not write to the guest's program.
        let value = match u.int_in_range(0..=3)? {
            0 => u.int_in_range(0..=16)?,
            1 => BUFFERS + 16 * u.int_in_range(0..=16)?,
            2 => u64::MAX,
            _ => 0x8000_0000 | u64::from(u.arbitrary::<u32>()?),
        };
        source.guest.write(source.base + offset, width, value);
        source.guest.read(source.base + offset, width);
    }
    source.start(1);
    random_number(source);
    Ok(())
}

#[test]
fn registers_take_anything_and_the_device_works_after_a_reset() {
    if !has_kvm() {
        return;
    }
    for transport in TRANSPORTS {
        let options = ["--transport", transport.name()];
        let mut guest = Guest::boot(&format!("torment-{}", transport.name()), &options);
        let mut source = Driver::find(&mut guest, transport, ENTROPY);
        arbtest(|u| torment(u, &mut source)).budget_ms(2000);
        let output = guest.power_off();
        assert_powered_off(&output);
        let said = stderr(&output);
        assert!(said.lines().count() <= 1, "{transport:?}: {said}");
    }
}

#[test]
fn more_devices_than_there_is_room_for_are_refused() {
    if !has_kvm() {
        return;
    }
    let image = image("many");
    let disk = format!("{},ro", image.display());
    for (transport, disks, most) in
        [("mmio", 14, "mmio: 14 are the most, leave some out or take pci"), ("pci", 32, "32 are")]
    {
        let mut options =
            vec!["run", "--kernel", &disk[..disk.len() - 3], "--transport", transport];
        options.extend([["--disk", &disk]; 32].iter().take(disks).flatten());
        let output = run(&options);
        assert_eq!(output.status.code(), Some(1), "{transport}: {}", stderr(&output));
        assert!(stderr(&output).contains(most), "{transport}: {}", stderr(&output));
    }
}
