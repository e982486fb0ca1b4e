//! What a block device stores its sectors in: raw files.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use vm_memory::VolatileSlice;
use vmm_sys_util::fallocate::{FallocateMode, fallocate};

use super::ring::Ring;
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

    /// Returns what reads, writes and flushes while other requests come; without it, each waits for the one before.
    fn ring(&self) -> Option<&Ring> {
        None
    }
}

/// A raw file, or a device of the host.
pub(crate) struct RawFile {
    file: File,
    length: u64,
    block: u64,
    is_read_only: bool,
    ring: Option<Ring>,
}

/// How the requests of a disk are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    /// One after the other, by system calls.
    Sync,
    /// Many at the same time.
    IoUring,
}

/// What `--disk` names: `FILE[,ro][,engine=sync|io_uring]`.
struct Wanted<'o> {
    path: &'o Path,
    is_read_only: bool,
    /// Without one, the best that the host has.
    engine: Option<Engine>,
}

impl RawFile {
    /// Opens what `--disk` names.
    pub(crate) fn open(option: &str) -> Result<RawFile, Failure> {
        let Wanted { path, is_read_only, engine } = parse(option)?;
        let failure = |why: String| Failure::new(format!("the disk {}: {why}", path.display()));
        let file = open(path, is_read_only).map_err(|error| {
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
        // The kernel closes a ring, and the file that it was given, after the program has ended: the lock must not wait.
        let make = || open(path, is_read_only).and_then(|file| Ring::new(&file));
        let ring = ring(engine, make).map_err(failure)?;
        Ok(RawFile { file, length, block, is_read_only, ring })
    }
}

/// Takes what is behind the name apart.
fn parse(option: &str) -> Result<Wanted<'_>, Failure> {
    let (mut path, mut is_read_only, mut engine) = (option, false, None);
    while let Some((before, last)) = path.rsplit_once(',') {
        match last.strip_prefix("engine=") {
            None if last == "ro" => is_read_only = true,
            Some("sync") => engine = Some(Engine::Sync),
            Some("io_uring") => engine = Some(Engine::IoUring),
            Some(other) => {
                return Err(Failure::new(format!(
                    "the disk {before}: there is no engine `{other}`: give sync or io_uring"
                )));
            }
            // A name may have a comma.
            None => break,
        }
        path = before;
    }
    Ok(Wanted { path: Path::new(path), is_read_only, engine })
}

/// Makes the ring of a disk where it is wanted and can be had.
fn ring(
    engine: Option<Engine>,
    make: impl FnOnce() -> io::Result<Ring>,
) -> Result<Option<Ring>, String> {
    if engine == Some(Engine::Sync) {
        return Ok(None);
    }
    match (make(), engine) {
        (Ok(ring), _) => Ok(Some(ring)),
        (Err(error), None) => {
            log::info!("a disk has its requests one after the other: no io_uring: {error}");
            Ok(None)
        }
        (Err(error), Some(_)) => Err(format!(
            "cannot have an io_uring: {error}: give it engine=sync, or let this user have one (sysctl kernel.io_uring_disabled)"
        )),
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

    fn ring(&self) -> Option<&Ring> {
        self.ring.as_ref()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_behind_the_name_which_may_have_commas() {
        let parsed = |option| {
            let wanted = parse(option).unwrap();
            (wanted.path.to_str().unwrap().to_owned(), wanted.is_read_only, wanted.engine)
        };
        assert_eq!(parsed("a,b"), ("a,b".to_owned(), false, None));
        assert_eq!(parsed("a,ro,b,ro"), ("a,ro,b".to_owned(), true, None));
        for option in ["a,ro,engine=sync", "a,engine=sync,ro"] {
            assert_eq!(parsed(option), ("a".to_owned(), true, Some(Engine::Sync)));
        }
        assert_eq!(parsed("a,engine=io_uring"), ("a".to_owned(), false, Some(Engine::IoUring)));
    }

    #[test]
    fn a_host_without_io_uring_has_the_other_engine_unless_that_one_is_asked_for() {
        let none = || Err(io::Error::from_raw_os_error(libc::EPERM));
        assert!(ring(None, none).unwrap().is_none());
        let error = ring(Some(Engine::IoUring), none).err().unwrap();
        assert!(error.contains("cannot have an io_uring: Operation not permitted"), "{error}");
        assert!(error.contains("give it engine=sync"), "{error}");
    }
}
