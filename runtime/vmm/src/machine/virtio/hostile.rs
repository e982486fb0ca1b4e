//! Every device against a driver that puts anything into its queues.

pub(super) mod console;
#[cfg(test)]
mod tests;
pub(super) mod vsock;

use std::io;
use std::sync::{Arc, Mutex};

use arbtest::arbitrary::{Result, Unstructured};
use vm_memory::{Bytes, GuestAddress, VolatileSlice};

use super::balloon::{Balloon, Setting};
use super::block::{Block, Disk};
use super::rng::Rng;
use super::testing::{Descriptor, Driver, INDIRECT, MEMORY, NEXT, WRITE};

/// Sectors of the disk, and bytes of each.
const SECTORS: u64 = 8;
const SECTOR: u64 = 512;

/// A disk in memory, which panics where it is asked for what it does not have.
struct Sectors {
    bytes: Mutex<Vec<u8>>,
    is_read_only: bool,
}

impl Sectors {
    fn new(is_read_only: bool) -> Arc<Sectors> {
        let bytes = Mutex::new(vec![0; (SECTORS * SECTOR) as usize]);
        Arc::new(Sectors { bytes, is_read_only })
    }

    /// Gives pieces of the disk, one behind the other, to `each`.
    fn each(&self, at: u64, lengths: impl Iterator<Item = usize>, mut each: impl FnMut(&mut [u8])) {
        let mut bytes = self.bytes.lock().unwrap();
        let mut at = usize::try_from(at).unwrap();
        for length in lengths {
            each(&mut bytes[at..at + length]);
            at += length;
        }
    }

    fn clear(&self, at: u64, length: u64) -> io::Result<()> {
        assert!(!self.is_read_only, "the disk is read-only");
        let length = usize::try_from(length).unwrap();
        self.each(at, [length].into_iter(), |bytes| bytes.fill(0));
        Ok(())
    }
}

impl Disk for Sectors {
    fn length(&self) -> u64 {
        SECTORS * SECTOR
    }

    fn block(&self) -> u64 {
        SECTOR
    }

    fn is_read_only(&self) -> bool {
        self.is_read_only
    }

    fn read(&self, at: u64, memory: &[VolatileSlice<'_>]) -> io::Result<()> {
        let mut slices = memory.iter();
        self.each(at, memory.iter().map(VolatileSlice::len), |bytes| {
            slices.next().unwrap().copy_from(bytes);
        });
        Ok(())
    }

    fn write(&self, at: u64, memory: &[VolatileSlice<'_>]) -> io::Result<()> {
        assert!(!self.is_read_only, "the disk is read-only");
        let mut slices = memory.iter();
        self.each(at, memory.iter().map(VolatileSlice::len), |bytes| {
            slices.next().unwrap().copy_to(bytes);
        });
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }

    fn discard(&self, at: u64, length: u64) -> io::Result<()> {
        self.clear(at, length)
    }

    fn write_zeroes(&self, at: u64, length: u64, _: bool) -> io::Result<()> {
        self.clear(at, length)
    }
}

/// A number near the edges of what there is, or any.
fn number(u: &mut Unstructured<'_>, edges: &[u64]) -> Result<u64> {
    Ok(match u.ratio(3, 4)? {
        true => u.choose(edges)?.wrapping_add_signed(u.int_in_range(-2..=2)?),
        false => u.arbitrary()?,
    })
}

fn descriptor(u: &mut Unstructured<'_>) -> Result<Descriptor> {
    Ok(Descriptor {
        address: number(u, &[0, MEMORY as u64 / 2, MEMORY as u64, u64::MAX])?,
        length: number(u, &[0, 16, SECTOR, MEMORY as u64, u64::from(u32::MAX)])? as u32,
        flags: *u.choose(&[0, NEXT, WRITE, NEXT | WRITE, INDIRECT, INDIRECT | WRITE, u16::MAX])?,
        next: number(u, &[0, 8, 256])? as u16,
    })
}

/// What a block device is asked for, and some of it is right.
fn header(u: &mut Unstructured<'_>) -> Result<[u8; 16]> {
    let kind: u32 = *u.choose(&[0, 1, 4, 8, 11, 13, u32::MAX])?;
    let sector = number(u, &[0, SECTORS, u64::MAX / SECTOR, u64::MAX])?;
    let mut header = [0; 16];
    header[..4].copy_from_slice(&kind.to_le_bytes());
    header[8..].copy_from_slice(&sector.to_le_bytes());
    Ok(header)
}

/// Does one thing to a device.
fn act(u: &mut Unstructured<'_>, driver: &mut Driver) -> Result<()> {
    let queue = u.int_in_range(0..=driver.last_queue())?;
    match u.int_in_range(0..=6)? {
        0 | 1 => {
            let (header, data) = (header(u)?, header(u)?);
            let sector = [7; SECTOR as usize];
            let data = *u.choose(&[&data[..], &sector, &[]])?;
            let room = *u.choose(&[1, 2, 21, SECTOR as usize, SECTOR as usize + 1])?;
            let head = driver.offer(queue, &[&header, data], &[room, 1]);
            if u.ratio(1, 4)? {
                driver.describe(queue, (head + u.int_in_range(0..=3)?) % 256, descriptor(u)?);
            }
        }
        2 => driver.describe(queue, u.int_in_range(0..=255)?, descriptor(u)?),
        3 => {
            let address = *u.choose(&[0x10_0000, MEMORY as u64 / 2])?;
            driver.write_descriptor(address, descriptor(u)?);
            let table = Descriptor { address, length: 16, flags: INDIRECT, next: 0 };
            driver.describe(queue, u.int_in_range(0..=255)?, table);
        }
        4 => driver.make_available(queue, number(u, &[0, 128, 256])? as u16),
        5 => driver.set_available(queue, u.arbitrary()?),
        _ => {
            let offset = number(u, &[0, 24, 60, u64::MAX])?;
            driver.control.write_config(offset, &u.arbitrary::<[u8; 4]>()?);
            driver.control.read_config(offset, &mut [0; 8]);
        }
    }
    driver.kick(queue);
    Ok(())
}

/// Does anything to a device, and resets it.
pub(super) fn torment(u: &mut Unstructured<'_>, driver: &mut Driver) -> Result<()> {
    for _ in 0..u.int_in_range(1..=12)? {
        act(u, driver)?;
    }
    driver.restart(u64::MAX);
    assert!(!driver.needs_reset());
    Ok(())
}

/// Torments a disk, which is asked for nothing that it does not have, and serves again.
pub(super) fn torment_disk(u: &mut Unstructured<'_>, is_read_only: bool) -> Result<()> {
    let disk = Sectors::new(is_read_only);
    let mut driver = Driver::start(Block::new(disk, "disk0".to_owned()));
    torment(u, &mut driver)?;
    let used = driver.request(0, &[&[0; 16]], &[SECTOR as usize, 1]);
    assert_eq!((used.written, used.bytes.last()), (SECTOR as u32 + 1, Some(&0)));
    Ok(())
}

/// Torments a source of entropy, which serves again.
pub(super) fn torment_entropy(u: &mut Unstructured<'_>) -> Result<()> {
    let mut driver = Driver::start(Rng);
    torment(u, &mut driver)?;
    let used = driver.request(0, &[], &[64]);
    assert_eq!(used.written, 64);
    assert_ne!(used.bytes, [0; 64]);
    Ok(())
}

/// Torments a balloon, which takes a page again.
pub(super) fn torment_balloon(u: &mut Unstructured<'_>) -> Result<()> {
    const PAGE: u32 = 0x380;
    let (setting, _) = Setting::open("target=1M", MEMORY as u64).unwrap();
    let mut driver = Driver::start(Balloon::new(Arc::new(setting), true).unwrap());
    torment(u, &mut driver)?;
    let address = GuestAddress(u64::from(PAGE) << 12);
    driver.memory.write_slice(&[7; 4096], address).unwrap();
    driver.request(0, &[&PAGE.to_le_bytes()], &[]);
    let mut bytes = [7; 4096];
    driver.memory.read_slice(&mut bytes, address).unwrap();
    assert_eq!(bytes, [0; 4096]);
    Ok(())
}
