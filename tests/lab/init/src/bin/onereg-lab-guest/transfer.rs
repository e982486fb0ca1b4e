//! How long the guest's disk takes for its bytes, past the kernel's memory of them.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Instant;

const DISK: &str = "/dev/vda";

/// How many bytes move at once.
const LENGTH: usize = 64 << 10;

/// These bytes, aligned as the kernel asks of those that it does not copy.
#[repr(align(4096))]
struct Chunk([u8; LENGTH]);

/// Writes the disk from its beginning to its end.
pub(crate) fn write() -> Result<String, String> {
    move_all("writes", |disk, chunk| disk.write(chunk), File::sync_all)
}

/// Reads the disk from its beginning to its end.
pub(crate) fn read() -> Result<String, String> {
    move_all("reads", |disk, chunk| disk.read(chunk), |_| Ok(()))
}

fn move_all(
    what: &str,
    mut step: impl FnMut(&mut File, &mut [u8]) -> io::Result<usize>,
    end: impl FnOnce(&File) -> io::Result<()>,
) -> Result<String, String> {
    let failed = |error| format!("{DISK}: {error}");
    let mut disk = OpenOptions::new();
    let disk = disk.read(true).write(true).custom_flags(libc::O_DIRECT).open(DISK);
    let mut disk = disk.map_err(failed)?;
    let mut chunk = Box::new(Chunk([0x5a; LENGTH]));
    let (start, mut moved) = (Instant::now(), 0);
    loop {
        match step(&mut disk, &mut chunk.0) {
            Ok(0) => break,
            Ok(count) => moved += count,
            Err(error) if error.kind() == io::ErrorKind::StorageFull => break,
            Err(error) => return Err(failed(error)),
        }
    }
    end(&disk).map_err(failed)?;
    let us = start.elapsed().as_micros();
    Ok(format!("{what} all {moved} bytes of the disk in {us} us"))
}
