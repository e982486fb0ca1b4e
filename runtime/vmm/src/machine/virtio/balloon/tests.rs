//! A driver that gives pages, takes them back, and says numbers.

use std::env;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process;
use std::thread;
use std::time::Instant;

use serde_json::json;
use vm_memory::Bytes;

use super::super::interrupt::Cause;
use super::super::testing::{Descriptor, Driver, MEMORY, WRITE};
use super::*;

/// The first page of those that no test of a driver has for anything else.
const FIRST: u32 = 0x380;

/// The queues that drivers may report pages in.
const REPORTED: [usize; 2] = [3, 4];

fn open(option: &str) -> Arc<Setting> {
    let (setting, _) = Setting::open(option, MEMORY as u64).unwrap();
    Arc::new(setting)
}

fn start(setting: &Arc<Setting>) -> Driver {
    Driver::start(Balloon::new(Arc::clone(setting), false).unwrap())
}

/// Fills the test's pages.
fn fill(driver: &Driver) {
    let address = GuestAddress(u64::from(FIRST) * PAGE);
    driver.memory.write_slice(&[7; 16 * PAGE as usize], address).unwrap();
}

/// Says which of the test's pages have nothing but zeros, and checks that all others are as they were.
fn released(driver: &Driver) -> Vec<u32> {
    let is_released = |page: &u32| {
        let mut bytes = [0; PAGE as usize];
        let address = GuestAddress(u64::from(FIRST + page) * PAGE);
        driver.memory.read_slice(&mut bytes, address).unwrap();
        assert!(bytes == [0; PAGE as usize] || bytes == [7; PAGE as usize], "page {page}");
        bytes[0] == 0
    };
    (0..16).filter(is_released).collect()
}

fn names(pages: &[u32]) -> Vec<u8> {
    pages.iter().flat_map(|page| (FIRST + page).to_le_bytes()).collect()
}

#[test]
fn pages_that_the_guest_gives_are_the_hosts() {
    let mut driver = start(&open("target=1M"));
    fill(&driver);
    driver.request(GIVE, &[&names(&[9, 3, 2, 4, 3])], &[]);
    assert_eq!(released(&driver), [2, 3, 4, 9]);
    driver.request(GIVE, &[&names(&[0]), &names(&[15])], &[]);
    assert_eq!(released(&driver), [0, 2, 3, 4, 9, 15]);
    driver.request(TAKE, &[&names(&[0])], &[]);
    fill(&driver);
    assert!(released(&driver).is_empty());
    assert!(!driver.needs_reset());
}

#[test]
fn pages_that_the_guest_reports_are_the_hosts_in_whichever_queue() {
    let mut driver = start(&open("target=0"));
    let report = |driver: &mut Driver, queue, address, length| {
        let head = driver.offer(queue, &[], &[1]);
        driver.describe(queue, head, Descriptor { address, length, flags: WRITE, next: 0 });
        driver.kick(queue);
        driver.take(queue).expect("the report comes back");
    };
    let page = |page: u64| (u64::from(FIRST) + page) * PAGE;
    for queue in REPORTED {
        fill(&driver);
        report(&mut driver, queue, page(4), 2 * PAGE as u32);
        assert_eq!(released(&driver), [4, 5], "queue {queue}");
        // What is no whole page stays.
        report(&mut driver, queue, page(8) - 1, PAGE as u32);
        report(&mut driver, queue, page(8) + 1, PAGE as u32);
        report(&mut driver, queue, page(10) - 1, PAGE as u32 + 2);
        assert_eq!(released(&driver), [4, 5, 10], "queue {queue}");
    }
    // A driver without a queue for numbers may have the reports there.
    driver.restart(!(1 << STATISTICS));
    fill(&driver);
    report(&mut driver, NUMBERS, page(6), PAGE as u32);
    assert_eq!(released(&driver), [6]);
}

#[test]
fn what_is_no_page_stops_the_device() {
    let too_many = vec![0; (PAGES + 1) * NUMBER];
    let beyond = ((MEMORY as u64 / PAGE) as u32).to_le_bytes();
    let far = u32::MAX.to_le_bytes();
    let cases: [&[u8]; 3] = [&too_many, &beyond, &far];
    for bytes in cases {
        let mut driver = start(&open("target=1M"));
        fill(&driver);
        driver.offer(GIVE, &[bytes], &[]);
        driver.kick(GIVE);
        assert!(driver.needs_reset(), "{} bytes", bytes.len());
        assert!(released(&driver).is_empty());
    }
}

#[test]
fn numbers_come_as_often_as_they_are_asked_for() {
    let setting = open("target=1M");
    let mut driver = Driver::start(Balloon::new(Arc::clone(&setting), true).unwrap());
    let number = |tag: u16, value: u64| [&tag.to_le_bytes()[..], &value.to_le_bytes()].concat();
    let said = [number(4, 1000), number(5, 2000), number(999, 1), number(4, 3000)].concat();
    let head = driver.offer(NUMBERS, &[&said], &[]);
    let start = Instant::now();
    driver.kick(NUMBERS);
    assert_eq!(setting.json()["statistics"], json!({ "free": 3000, "total": 2000 }));
    let back = loop {
        if let Some(back) = driver.take(NUMBERS) {
            break back;
        }
        assert!(start.elapsed() < 10 * INTERVAL);
        thread::sleep(INTERVAL / 100);
        driver.run();
    };
    assert_eq!((back.head, back.written), (head, 0));
    assert_eq!(driver.interrupts(), [Cause::Queue(NUMBERS as u16)]);
    driver.restart(u64::MAX);
    assert_eq!(setting.json()["statistics"], json!({}), "they were those of another driver");
}

#[test]
fn numbers_are_not_waited_for_where_nobody_wants_them() {
    let mut driver = start(&open("target=1M"));
    driver.offer(NUMBERS, &[&[0; 10]], &[]);
    driver.kick(NUMBERS);
    thread::sleep(INTERVAL + INTERVAL / 10);
    driver.run();
    assert_eq!(driver.take(NUMBERS), None);
}

#[test]
fn another_target_is_a_change_of_the_configuration() {
    let path = env::temp_dir().join(format!("onereg-balloon-{}", process::id()));
    let option = format!("target=1M,oom,socket={}", path.display());
    let (setting, file) = Setting::open(&option, MEMORY as u64).unwrap();
    let setting = Arc::new(setting);
    let mut driver = start(&setting);
    assert_eq!(driver.config(0), [0, 1, 0, 0, 0, 0, 0, 0]);
    let user = UnixDatagram::unbound().unwrap();
    let send = |driver: &mut Driver, text: &str| {
        user.send_to(text.as_bytes(), &path).unwrap();
        driver.run();
        (driver.config(0), driver.interrupts())
    };
    assert_eq!(send(&mut driver, "2M\n"), ([0, 2, 0, 0], vec![Cause::Config]));
    for wrong in ["", "4M", "x", &"9".repeat(100)] {
        assert_eq!(send(&mut driver, wrong), ([0, 2, 0, 0], vec![]), "{wrong}");
    }
    driver.control.write_config(4, &5_u32.to_le_bytes());
    driver.control.write_config(0, &6_u32.to_le_bytes());
    driver.control.write_config(4, &[1]);
    let known = json!({ "target": 2 << 20, "actual": 5 * PAGE, "statistics": {} });
    assert_eq!(setting.json(), known);
    driver.restart(u64::MAX);
    assert_eq!(driver.config(0), [0, 2, 0, 0, 0, 0, 0, 0], "the target stays");
    drop(file);
    assert!(!fs::exists(&path).unwrap());
}

#[test]
fn the_guest_may_take_pages_back_where_that_is_wanted() {
    for (option, wanted) in [("target=1M", 0), ("target=1M,oom", 1)] {
        let balloon = Balloon::new(open(option), false).unwrap();
        assert_eq!(balloon.features() >> GIVES_WAY & 1, wanted, "{option}");
    }
}

#[test]
fn wrong_options_say_what_is_right() {
    for option in ["", "1M", "target=", "target=x", "target=4M", "target=1M,", "target=1M,oom,x"] {
        let failure = Setting::open(option, MEMORY as u64).err().unwrap().to_string();
        assert!(failure.contains("give it as target=SIZE"), "{failure}");
    }
    let failure = Setting::open("target=1M,socket=/nowhere/socket", MEMORY as u64);
    let failure = failure.err().unwrap().to_string();
    assert!(failure.starts_with("cannot make the socket /nowhere/socket: No such"), "{failure}");
}
