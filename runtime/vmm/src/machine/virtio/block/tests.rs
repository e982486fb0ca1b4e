//! Requests of a driver, on files and on disks that fail.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use vm_memory::VolatileSlice;

use super::super::testing::{Driver, Used};
use super::*;

const OK: u8 = VIRTIO_BLK_S_OK as u8;
const FAILED: u8 = VIRTIO_BLK_S_IOERR as u8;
const UNSUPPORTED: u8 = VIRTIO_BLK_S_UNSUPP as u8;

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
        let disk = RawFile::open(&self.option(more)).unwrap();
        Driver::start(Block::new(Arc::new(disk), "disk0".to_owned()))
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
    let image = Image::new("cut");
    let mut driver = image.start("");
    let used = read(&mut driver, 1, &[1, 510, 513]);
    assert_eq!((used.written, status(&used)), (1025, OK));
    assert_eq!(used.bytes[..1024], [[1; 512], [2; 512]].concat());
    assert_eq!(write(&mut driver, 7, &[&[0xaa; 500], &[0xbb; 12]]), OK);
    assert_eq!(image.sector(7), [vec![0xaa; 500], vec![0xbb; 12]].concat());
    let used = driver.request(0, &[&header(VIRTIO_BLK_T_FLUSH, 0)], &[1]);
    assert_eq!((used.written, used.bytes), (1, vec![OK]));
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
    let image = Image::new("clear");
    let mut driver = image.start("");
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

#[test]
fn what_is_not_on_the_disk_is_an_error_for_the_guest() {
    let image = Image::new("range");
    let mut driver = image.start("");
    for (sector, length) in [(8, 512), (7, 1024), (0, 511), (u64::MAX, 512), (1 << 55, 512)] {
        assert_eq!(status(&read(&mut driver, sector, &[length])), FAILED, "{sector} {length}");
    }
    assert_eq!(write(&mut driver, 8, &[&[0; 512]]), FAILED);
    assert_eq!(status(&driver.request(0, &[&header(77, 0)], &[1])), UNSUPPORTED);
    assert_eq!(fs::metadata(&image.0).unwrap().len(), 8 * SECTOR);
}

#[test]
fn a_request_that_cannot_be_answered_stops_the_device() {
    let image = Image::new("fault");
    for (readable, writable) in [(&[0; 15][..], &[1][..]), (&[0; 16], &[])] {
        let mut driver = image.start("");
        driver.offer(0, &[readable], writable);
        driver.kick(0);
        assert!(driver.needs_reset(), "{readable:?} {writable:?}");
    }
}

#[test]
fn a_read_only_disk_is_not_written() {
    let image = Image::new("ro");
    let mut driver = image.start(",ro");
    assert_eq!(status(&read(&mut driver, 3, &[512])), OK);
    assert_eq!(write(&mut driver, 3, &[&[0; 512]]), FAILED);
    assert_eq!(clear(&mut driver, VIRTIO_BLK_T_WRITE_ZEROES, &range(3, 1, 0)), FAILED);
    assert_eq!(clear(&mut driver, VIRTIO_BLK_T_DISCARD, &range(3, 1, 0)), FAILED);
    assert_eq!(image.sector(3), [3; 512]);
}

#[test]
fn a_file_that_got_shorter_is_an_error_for_the_guest() {
    let image = Image::new("short");
    let mut driver = image.start("");
    OpenOptions::new().write(true).open(&image.0).unwrap().set_len(3 * SECTOR + 100).unwrap();
    assert_eq!(status(&read(&mut driver, 2, &[512])), OK);
    assert_eq!(status(&read(&mut driver, 3, &[512])), FAILED);
    assert_eq!(status(&read(&mut driver, 2, &[512])), OK);
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
