//! Requests of a driver, on files and on disks that fail.

use std::collections::HashMap;
use std::env;
use std::fs::{self, File, OpenOptions};
use std::iter;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use arbtest::arbitrary::{Result, Unstructured};
use arbtest::arbtest;
use vm_memory::VolatileSlice;

use super::super::hostile;
use super::super::testing::{Driver, Used};
use super::*;

const OK: u8 = VIRTIO_BLK_S_OK as u8;
const FAILED: u8 = VIRTIO_BLK_S_IOERR as u8;
const UNSUPPORTED: u8 = VIRTIO_BLK_S_UNSUPP as u8;

/// How a disk does its requests, as an option.
const ENGINES: [&str; 2] = [",engine=sync", ",engine=io_uring"];

/// A file of 8 sectors, whose bytes are the numbers of these, for as long as the test runs.
struct Image(PathBuf);

impl Image {
    fn new(name: &str) -> Image {
        let path = env::temp_dir().join(format!("onereg-vmm-{}-{name}", process::id()));
        let bytes: Vec<u8> = (0..8).flat_map(|sector| [sector; SECTOR as usize]).collect();
        fs::write(&path, bytes).unwrap();
        Image(path)
    }

    fn option(&self, more: &str) -> String {
        format!("{}{more}", self.0.display())
    }

    fn start(&self, more: &str) -> Driver {
        Driver::start(Block::new(Arc::new(self.open(more)), "disk0".to_owned()))
    }

    /// Opens the disk; a child of another test has its lock, too, until it executes its program.
    fn open(&self, more: &str) -> RawFile {
        for _ in 0..1000 {
            match RawFile::open(&self.option(more)) {
                Err(error) if error.to_string().contains("another program uses it") => {
                    thread::sleep(Duration::from_millis(1));
                }
                result => return result.unwrap(),
            }
        }
        panic!("{} stays in use", self.0.display());
    }

    fn sector(&self, sector: u64) -> Vec<u8> {
        let mut bytes = vec![0; SECTOR as usize];
        File::open(&self.0).unwrap().read_exact_at(&mut bytes, sector * SECTOR).unwrap();
        bytes
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        fs::remove_file(&self.0).unwrap();
    }
}

fn header(kind: u32, sector: u64) -> Vec<u8> {
    [&kind.to_le_bytes()[..], &[0; 4], &sector.to_le_bytes()].concat()
}

fn range(sector: u64, count: u32, flags: u32) -> Vec<u8> {
    [&sector.to_le_bytes()[..], &count.to_le_bytes(), &flags.to_le_bytes()].concat()
}

fn read(driver: &mut Driver, sector: u64, lengths: &[usize]) -> Used {
    let writable = [lengths, &[1]].concat();
    driver.request(0, &[&header(VIRTIO_BLK_T_IN, sector)], &writable)
}

fn write(driver: &mut Driver, sector: u64, data: &[&[u8]]) -> u8 {
    let header = header(VIRTIO_BLK_T_OUT, sector);
    status(&driver.request(0, &[&[&header[..]], data].concat(), &[1]))
}

fn clear(driver: &mut Driver, kind: u32, range: &[u8]) -> u8 {
    status(&driver.request(0, &[&header(kind, 0), range], &[1]))
}

fn status(used: &Used) -> u8 {
    *used.bytes.last().unwrap()
}

#[test]
fn what_is_written_is_read_however_it_is_cut() {
    for engine in ENGINES {
        let image = Image::new("cut");
        let mut driver = image.start(engine);
        let used = read(&mut driver, 1, &[1, 510, 513]);
        assert_eq!((used.written, status(&used)), (1025, OK));
        assert_eq!(used.bytes[..1024], [[1; 512], [2; 512]].concat());
        assert_eq!(write(&mut driver, 7, &[&[0xaa; 500], &[0xbb; 12]]), OK);
        assert_eq!(image.sector(7), [vec![0xaa; 500], vec![0xbb; 12]].concat());
        let used = driver.request(0, &[&header(VIRTIO_BLK_T_FLUSH, 0)], &[1]);
        assert_eq!((used.written, used.bytes), (1, vec![OK]));
    }
}

#[test]
fn the_guest_learns_of_the_disk() {
    let image = Image::new("about");
    let mut driver = image.start("");
    assert_eq!(driver.config::<8>(0), 8_u64.to_le_bytes());
    assert_eq!(driver.config::<4>(20), 512_u32.to_le_bytes());
    assert_eq!(driver.config::<4>(12), 254_u32.to_le_bytes());
    assert_eq!(driver.config::<4>(CONFIG as u64 - 2), [0; 4]);
    let used = driver.request(0, &[&header(VIRTIO_BLK_T_GET_ID, 0)], &[20, 1]);
    assert_eq!((used.written, &used.bytes[..7]), (21, &b"disk0\0\0"[..]));
}

#[test]
fn sectors_are_discarded_and_filled_with_zeros() {
    for engine in ENGINES {
        let image = Image::new("clear");
        let mut driver = image.start(engine);
        let zeroes = VIRTIO_BLK_T_WRITE_ZEROES;
        assert_eq!(clear(&mut driver, zeroes, &range(2, 2, 0)), OK);
        assert_eq!(clear(&mut driver, zeroes, &range(5, 1, 1)), OK);
        assert_eq!(clear(&mut driver, VIRTIO_BLK_T_DISCARD, &range(7, 1, 0)), OK);
        let is_zero = |sector| image.sector(sector).iter().all(|byte| *byte == 0);
        assert_eq!([2, 3, 5].map(is_zero), [true; 3]);
        assert_eq!([1, 4, 6].map(is_zero), [false; 3]);
        assert_eq!(fs::metadata(&image.0).unwrap().len(), 8 * SECTOR);
        assert_eq!(clear(&mut driver, VIRTIO_BLK_T_DISCARD, &range(0, 1, 1)), UNSUPPORTED);
        assert_eq!(clear(&mut driver, zeroes, &range(0, 1, 2)), UNSUPPORTED);
        for bad in [range(7, 2, 0), range(0, u32::MAX, 0), range(u64::MAX, 1, 0), vec![0; 8]] {
            assert_eq!(clear(&mut driver, zeroes, &bad), FAILED, "{bad:?}");
        }
        assert!(!driver.needs_reset());
    }
}

#[test]
fn what_is_not_on_the_disk_is_an_error_for_the_guest() {
    for engine in ENGINES {
        let image = Image::new("range");
        let mut driver = image.start(engine);
        for (sector, length) in [(8, 512), (7, 1024), (0, 511), (u64::MAX, 512), (1 << 55, 512)] {
            assert_eq!(status(&read(&mut driver, sector, &[length])), FAILED, "{sector} {length}");
        }
        assert_eq!(write(&mut driver, 8, &[&[0; 512]]), FAILED);
        assert_eq!(status(&driver.request(0, &[&header(77, 0)], &[1])), UNSUPPORTED);
        assert_eq!(fs::metadata(&image.0).unwrap().len(), 8 * SECTOR);
    }
}

#[test]
fn a_request_that_cannot_be_answered_stops_the_device() {
    for engine in ENGINES {
        let image = Image::new("fault");
        for (readable, writable) in [(&[0; 15][..], &[1][..]), (&[0; 16], &[])] {
            let mut driver = image.start(engine);
            driver.offer(0, &[readable], writable);
            driver.kick(0);
            assert!(driver.needs_reset(), "{readable:?} {writable:?}");
        }
    }
}

#[test]
fn a_read_only_disk_is_not_written() {
    for engine in ENGINES {
        let image = Image::new("ro");
        let mut driver = image.start(&format!("{engine},ro"));
        assert_eq!(status(&read(&mut driver, 3, &[512])), OK);
        assert_eq!(write(&mut driver, 3, &[&[0; 512]]), FAILED);
        assert_eq!(clear(&mut driver, VIRTIO_BLK_T_WRITE_ZEROES, &range(3, 1, 0)), FAILED);
        assert_eq!(clear(&mut driver, VIRTIO_BLK_T_DISCARD, &range(3, 1, 0)), FAILED);
        assert_eq!(image.sector(3), [3; 512]);
    }
}

#[test]
fn a_file_that_got_shorter_is_an_error_for_the_guest() {
    for engine in ENGINES {
        let image = Image::new("short");
        let mut driver = image.start(engine);
        OpenOptions::new().write(true).open(&image.0).unwrap().set_len(3 * SECTOR + 100).unwrap();
        assert_eq!(status(&read(&mut driver, 2, &[512])), OK);
        assert_eq!(status(&read(&mut driver, 3, &[512])), FAILED);
        assert_eq!(status(&read(&mut driver, 2, &[512])), OK);
    }
}

#[test]
fn one_writer_or_many_readers_have_a_disk() {
    let image = Image::new("lock");
    let open = |more| RawFile::open(&image.option(more));
    let readers = [open(",ro").unwrap(), open(",ro").unwrap()];
    let error = open("").err().unwrap().to_string();
    assert!(
        error
            .ends_with("another program uses it: only readers can share a disk, each with FILE,ro"),
        "{error}"
    );
    drop(readers);
    let _writer = open("").unwrap();
    assert!(open(",ro").is_err());
}

#[test]
fn a_file_that_is_no_disk_is_refused() {
    let image = Image::new("odd");
    OpenOptions::new().write(true).open(&image.0).unwrap().set_len(SECTOR + 1).unwrap();
    let error = RawFile::open(&image.option("")).err().unwrap().to_string();
    assert!(error.contains("its 513 bytes are no whole sectors of 512: make it longer"), "{error}");
    let error = RawFile::open(&image.option(",engine=fast")).err().unwrap().to_string();
    assert!(error.ends_with("there is no engine `fast`: give sync or io_uring"), "{error}");
    let error = RawFile::open("/nowhere/disk").err().unwrap().to_string();
    assert!(error.starts_with("the disk /nowhere/disk: cannot open it: No such file"), "{error}");
}

/// Keeps how often it was flushed, and fails where told.
#[derive(Default)]
struct Faulty {
    flushes: AtomicU32,
}

impl Disk for Faulty {
    fn length(&self) -> u64 {
        SECTOR
    }

    fn block(&self) -> u64 {
        SECTOR
    }

    fn is_read_only(&self) -> bool {
        false
    }

    fn read(&self, _: u64, _: &[VolatileSlice<'_>]) -> io::Result<()> {
        Err(io::Error::from_raw_os_error(libc::EIO))
    }

    fn write(&self, _: u64, _: &[VolatileSlice<'_>]) -> io::Result<()> {
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        self.flushes.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn discard(&self, _: u64, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn write_zeroes(&self, _: u64, _: u64, _: bool) -> io::Result<()> {
        Err(io::Error::from_raw_os_error(libc::ENOSPC))
    }
}

/// A disk of 8 sectors that is only a ring: over a file that does not do everything.
struct Bare(Ring);

impl Bare {
    fn over(file: &File) -> Block {
        Block::new(Arc::new(Bare(Ring::new(file).unwrap())), "disk0".to_owned())
    }
}

impl Disk for Bare {
    fn length(&self) -> u64 {
        8 * SECTOR
    }

    fn block(&self) -> u64 {
        SECTOR
    }

    fn is_read_only(&self) -> bool {
        false
    }

    fn read(&self, _: u64, _: &[VolatileSlice<'_>]) -> io::Result<()> {
        panic!("the ring reads")
    }

    fn write(&self, _: u64, _: &[VolatileSlice<'_>]) -> io::Result<()> {
        panic!("the ring writes")
    }

    fn flush(&self) -> io::Result<()> {
        panic!("the ring flushes")
    }

    fn discard(&self, _: u64, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn write_zeroes(&self, _: u64, _: u64, _: bool) -> io::Result<()> {
        Ok(())
    }

    fn ring(&self) -> Option<&Ring> {
        Some(&self.0)
    }
}

#[test]
fn what_a_ring_cannot_do_is_an_error_for_the_guest() {
    let image = Image::new("bare");
    let mut driver = Driver::start(Bare::over(&File::open(&image.0).unwrap()));
    assert_eq!(write(&mut driver, 3, &[&[0; 512]]), FAILED);
    let used = read(&mut driver, 3, &[512]);
    assert_eq!((used.written, &used.bytes[..512]), (513, &[3; 512][..]));
    let used = driver.request(0, &[&header(VIRTIO_BLK_T_FLUSH, 0)], &[1]);
    assert_eq!(used.bytes, [OK]);
    assert!(!driver.needs_reset());
}

#[test]
fn a_ring_writes_through_for_a_driver_that_cannot_flush() {
    // It takes everything, and cannot be flushed.
    let null = OpenOptions::new().read(true).write(true).open("/dev/null").unwrap();
    let mut driver = Driver::start(Bare::over(&null));
    assert_eq!(write(&mut driver, 0, &[&[0; 512]]), OK);
    let used = driver.request(0, &[&header(VIRTIO_BLK_T_FLUSH, 0)], &[1]);
    assert_eq!(used.bytes, [FAILED]);
    let mut driver = Driver::start_with(Bare::over(&null), !(1 << VIRTIO_BLK_F_FLUSH));
    assert_eq!(write(&mut driver, 0, &[&[0; 512]]), FAILED);
}

#[test]
fn more_requests_than_a_ring_has_room_for_are_answered() {
    let image = Image::new("full");
    let mut driver = image.start(",engine=io_uring");
    driver.request(0, &[&header(VIRTIO_BLK_T_FLUSH, 0)], &[1]);
    for _ in 0..4 {
        // A driver must not give a chain again before it has it back.
        for _ in 0..QUEUE {
            driver.make_available(0, 0);
        }
        driver.control.wake(0);
    }
    let answered = iter::from_fn(|| driver.take(0)).count();
    assert_eq!(answered, usize::from(3 * QUEUE), "no more than a queue full is under way");
    for _ in 0..QUEUE {
        driver.wait(0);
    }
    assert!(!driver.needs_reset());
}

#[test]
fn a_ring_serves_again_whatever_a_driver_does() {
    let image = Image::new("torment");
    let mut driver = image.start(",engine=io_uring");
    arbtest(|u| {
        hostile::torment(u, &mut driver)?;
        assert_eq!(status(&read(&mut driver, 0, &[512])), OK);
        Ok(())
    })
    .budget_ms(1000);
}

#[test]
fn a_reset_waits_for_what_is_under_way() {
    let image = Image::new("under-way");
    for round in 0..50 {
        let mut driver = image.start(",engine=io_uring");
        for sector in 0..8 {
            let header = header(VIRTIO_BLK_T_OUT, sector);
            driver.offer(0, &[&header[..], &[0xee; 512]], &[1]);
        }
        driver.wake(0);
        driver.restart(u64::MAX);
        assert_eq!(driver.take(0), None, "{round}: the device forgets what it was asked");
        assert_eq!(write(&mut driver, round % 8, &[&[0xaa; 512]]), OK);
        drop(driver);
        assert_eq!(image.sector(round % 8), [0xaa; 512], "{round}");
    }
}

/// Asks for everything at the same time, in sectors that no other request of the turn has, and compares with a model.
fn compare(u: &mut Unstructured<'_>, image: &Image, engine: &str) -> Result<()> {
    let mut driver = image.start(engine);
    let mut model: Vec<u8> = (0..8).map(|sector| image.sector(sector)[0]).collect();
    for _ in 0..u.int_in_range(1..=4)? {
        let mut reads = HashMap::new();
        for (sector, byte) in (0..).zip(&mut model) {
            let new: u8 = u.arbitrary()?;
            let cut = u.int_in_range(1..=511)?;
            match u.int_in_range(0..=3)? {
                0 => {
                    let header = header(VIRTIO_BLK_T_IN, sector);
                    let head = driver.offer(0, &[&header], &[cut, 512 - cut, 1]);
                    reads.insert(head, *byte);
                }
                1 => {
                    let (header, data) = (header(VIRTIO_BLK_T_OUT, sector), [new; 512]);
                    driver.offer(0, &[&header, &data[..cut], &data[cut..]], &[1]);
                    *byte = new;
                }
                2 => {
                    let header = header(VIRTIO_BLK_T_WRITE_ZEROES, 0);
                    driver.offer(0, &[&header, &range(sector, 1, 0)], &[1]);
                    *byte = 0;
                }
                _ => {
                    driver.offer(0, &[&header(VIRTIO_BLK_T_FLUSH, 0)], &[1]);
                }
            }
        }
        driver.wake(0);
        for _ in 0..8 {
            let used = driver.wait(0);
            assert_eq!(status(&used), OK);
            if let Some(byte) = reads.remove(&used.head) {
                assert_eq!(used.bytes[..512], [byte; 512]);
            }
        }
    }
    drop(driver);
    let bytes = model.iter().flat_map(|byte| [*byte; 512]).collect::<Vec<_>>();
    assert_eq!(fs::read(&image.0).unwrap(), bytes);
    Ok(())
}

#[test]
fn requests_at_the_same_time_do_what_a_model_does() {
    for engine in ENGINES {
        let image = Image::new("model");
        arbtest(|u| compare(u, &image, engine)).budget_ms(1000);
    }
}

#[test]
fn what_the_host_cannot_do_is_an_error_for_the_guest() {
    let mut driver = Driver::start(Block::new(Arc::new(Faulty::default()), "disk0".to_owned()));
    let used = read(&mut driver, 0, &[512]);
    assert_eq!((used.written, status(&used)), (1, FAILED));
    assert_eq!(clear(&mut driver, VIRTIO_BLK_T_WRITE_ZEROES, &range(0, 1, 0)), FAILED);
    assert!(!driver.needs_reset());
}

#[test]
fn a_driver_that_cannot_flush_gets_its_writes_through() {
    let disk = Arc::new(Faulty::default());
    let block = || Block::new(Arc::<Faulty>::clone(&disk), "disk0".to_owned());
    let flushes = || disk.flushes.load(Ordering::Relaxed);
    let mut driver = Driver::start(block());
    assert_eq!((write(&mut driver, 0, &[&[0; 512]]), flushes()), (OK, 0));
    let mut driver = Driver::start_with(block(), !(1 << VIRTIO_BLK_F_FLUSH));
    assert_eq!((write(&mut driver, 0, &[&[0; 512]]), flushes()), (OK, 1));
}
