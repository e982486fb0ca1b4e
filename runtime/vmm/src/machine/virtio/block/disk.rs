//! What a block device stores its sectors in: raw files.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use vm_memory::VolatileSlice;
use vmm_sys_util::fallocate::{FallocateMode, fallocate};

use super::{SECTOR, transfer};
use crate::failure::Failure;

/// What a block device stores its sectors in. Ranges are in bytes, and inside it.
pub(crate) trait Disk: Send + Sync {
    /// Returns its length, whole sectors.
    fn length(&self) -> u64;

    /// Returns how many bytes it reads or writes best at once: a power of two, a sector at least.
    fn block(&self) -> u64;

    /// Says whether it cannot be written.
    fn is_read_only(&self) -> bool;

    /// Fills memory from `at` on: all of it, or the error.
    fn read(&self, at: u64, memory: &[VolatileSlice<'_>]) -> io::Result<()>;

    /// Writes memory from `at` on: all of it, or the error.
    fn write(&self, at: u64, memory: &[VolatileSlice<'_>]) -> io::Result<()>;

    /// Makes what was written last through a loss of power.
    fn flush(&self) -> io::Result<()>;

    /// Forgets what is there: it may be read as anything.
    fn discard(&self, at: u64, length: u64) -> io::Result<()>;

    /// Makes zeros of what is there; the room may be given back where `unmap` says so.
    fn write_zeroes(&self, at: u64, length: u64, unmap: bool) -> io::Result<()>;
}

/// A raw file, or a device of the host.
pub(crate) struct RawFile {
    file: File,
    length: u64,
    block: u64,
    is_read_only: bool,
}

impl RawFile {
    /// Opens what `--disk` names: `FILE`, or `FILE,ro`.
    pub(crate) fn open(option: &str) -> Result<RawFile, Failure> {
        let (path, is_read_only) = match option.strip_suffix(",ro") {
            Some(path) => (PathBuf::from(path), true),
            None => (PathBuf::from(option), false),
        };
        let failure = |why: String| Failure::new(format!("the disk {}: {why}", path.display()));
        let file = open(&path, is_read_only).map_err(|error| {
            let remedy = match error.kind() {
                io::ErrorKind::PermissionDenied if !is_read_only => ": give it as FILE,ro to read",
                _ => "",
            };
            failure(format!("cannot open it: {error}{remedy}"))
        })?;
        transfer::lock(&file, !is_read_only).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => failure(
                "another program uses it: only readers can share a disk, each with FILE,ro"
                    .to_owned(),
            ),
            _ => failure(format!("cannot lock it: {error}")),
        })?;
        let measured =
            measure(&file).map_err(|error| failure(format!("cannot see its size: {error}")));
        let (length, block) = measured?;
        if !length.is_multiple_of(SECTOR) {
            return Err(failure(format!(
                "its {length} bytes are no whole sectors of {SECTOR}: make it longer, as with truncate -s %{SECTOR}"
            )));
        }
        Ok(RawFile { file, length, block, is_read_only })
    }
}

fn open(path: &Path, is_read_only: bool) -> io::Result<File> {
    OpenOptions::new().read(true).write(!is_read_only).open(path)
}

/// Returns the length and the best size of an access.
fn measure(mut file: &File) -> io::Result<(u64, u64)> {
    // The metadata of a device say nothing of its length.
    let length = file.seek(SeekFrom::End(0))?;
    let block = file.metadata()?.blksize();
    Ok((length, block.clamp(SECTOR, 1 << 16).next_power_of_two()))
}

impl Disk for RawFile {
    fn length(&self) -> u64 {
        self.length
    }

    fn block(&self) -> u64 {
        self.block
    }

    fn is_read_only(&self) -> bool {
        self.is_read_only
    }

    fn read(&self, at: u64, memory: &[VolatileSlice<'_>]) -> io::Result<()> {
        transfer::read(&self.file, at, memory)
    }

    fn write(&self, at: u64, memory: &[VolatileSlice<'_>]) -> io::Result<()> {
        transfer::write(&self.file, at, memory)
    }

    fn flush(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn discard(&self, at: u64, length: u64) -> io::Result<()> {
        match self.allocate(FallocateMode::PunchHole, at, length) {
            // Who cannot forget remembers.
            Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => Ok(()),
            result => result,
        }
    }

    fn write_zeroes(&self, at: u64, length: u64, unmap: bool) -> io::Result<()> {
        let mode = if unmap { FallocateMode::PunchHole } else { FallocateMode::ZeroRange };
        match self.allocate(mode, at, length) {
            Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => {
                self.write_out_zeroes(at, length)
            }
            result => result,
        }
    }
}

impl RawFile {
    fn allocate(&self, mode: FallocateMode, at: u64, length: u64) -> io::Result<()> {
        Ok(fallocate(&self.file, mode, true, at, length)?)
    }

    fn write_out_zeroes(&self, at: u64, length: u64) -> io::Result<()> {
        let zeros = [0; 1 << 16];
        let end = at + length;
        let mut at = at;
        while at < end {
            let count = zeros.len().min((end - at) as usize);
            self.file.write_all_at(zeros.get(..count).unwrap_or_default(), at)?;
            at += count as u64;
        }
        Ok(())
    }
}
