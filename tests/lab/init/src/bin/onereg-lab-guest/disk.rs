//! What a guest does with its disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, Read, Write};
use std::os::unix::fs::OpenOptionsExt;

use onereg_lab_init::content;
use onereg_lab_init::system::{self, Access};

const DISK: &str = "/dev/vda";

const FOLDER: &str = "/disk";

const FILE: &str = "/disk/file";

/// Bytes of the file.
const LENGTH: usize = 2 << 20;

/// Bytes that are written at once where the disk is to run full.
const CHUNK: usize = 64 << 10;

/// Writes the file where there is none; else compares it with what was written.
pub(crate) fn keep() -> Result<String, String> {
    mount(Access::Write)?;
    let done = if fs::exists(FILE).map_err(of(FILE))? { compare() } else { write() }?;
    system::unmount(FOLDER).map_err(of(FOLDER))?;
    Ok(done)
}

/// Compares the file on a disk that must not be written, and tries to write all the same.
pub(crate) fn refused() -> Result<String, String> {
    if let Ok(()) = mount(Access::Write) {
        return Err(format!("{DISK} can be mounted for writing"));
    }
    let disk = OpenOptions::new().write(true).open(DISK);
    if disk.is_ok_and(|mut disk| disk.write_all(&[0]).is_ok()) {
        return Err(format!("{DISK} can be written"));
    }
    mount(Access::Read)?;
    compare().map(|done| format!("{done}, read-only"))
}

/// Writes until the disk fails, and reads back what it took.
pub(crate) fn fill() -> Result<String, String> {
    let mut disk = OpenOptions::new();
    let disk = disk.write(true).custom_flags(libc::O_DSYNC).open(DISK);
    let mut disk = disk.map_err(of(DISK))?;
    let content = content(1 << 24);
    let mut chunks = content.chunks(CHUNK);
    let mut taken = 0;
    let error = loop {
        let Some(chunk) = chunks.next() else { return Err(format!("{DISK} took everything")) };
        match disk.write_all(chunk) {
            Ok(()) => taken += chunk.len(),
            Err(error) => break error,
        }
    };
    forget()?;
    let mut back = vec![0; taken];
    File::open(DISK).and_then(|mut disk| disk.read_exact(&mut back)).map_err(of(DISK))?;
    if taken == 0 || Some(back.as_slice()) != content.get(..taken) {
        return Err(format!("{DISK} lost some of the {taken} bytes that it took"));
    }
    Ok(format!("the disk kept what it took, then: {error}"))
}

/// Waits for a line of input, reads the disk, and says how that fails.
pub(crate) fn shrunk() -> Result<String, String> {
    io::stdin().lock().skip_until(b'\n').map_err(|error| format!("input: {error}"))?;
    match fs::read(DISK) {
        Ok(content) => Err(format!("{DISK} still has {} bytes", content.len())),
        Err(error) => Ok(format!("the disk cannot be read: {error}")),
    }
}

fn write() -> Result<String, String> {
    let mut file = File::create(FILE).map_err(of(FILE))?;
    file.write_all(&content(LENGTH)).and_then(|()| file.sync_all()).map_err(of(FILE))?;
    Ok("wrote the file".to_owned())
}

fn compare() -> Result<String, String> {
    let found = fs::read(FILE).map_err(of(FILE))?;
    if found != content(LENGTH) {
        return Err(format!("{FILE} is not what was written: {} bytes", found.len()));
    }
    Ok("the file is as it was written".to_owned())
}

fn mount(access: Access) -> Result<(), String> {
    system::mount_device(DISK, "ext4", FOLDER, access).map_err(of(DISK))
}

/// Drops what the kernel keeps of the disk in memory.
fn forget() -> Result<(), String> {
    const CACHES: &str = "/proc/sys/vm/drop_caches";
    fs::write(CACHES, "3").map_err(of(CACHES))
}

fn of(name: &str) -> impl Fn(io::Error) -> String {
    move |error| format!("{name}: {error}")
}
