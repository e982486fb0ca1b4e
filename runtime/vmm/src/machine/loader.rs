//! Files that go into the guest's memory.

use std::fs::File;
use std::io::{self, Seek};
use std::ops::Range;
use std::path::Path;

use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

use crate::failure::Failure;

/// What boots, at every start from the same files.
pub(super) struct Linux<'a> {
    pub(super) kernel: Input<'a>,
    pub(super) initrd: Option<Input<'a>>,
    pub(super) cmdline: &'a str,
}

/// What the kernel is told of what was loaded.
pub(super) struct Told<'a> {
    pub(super) cmdline: &'a str,
    pub(super) initrd: Option<Range<u64>>,
}

/// A file to load.
pub(super) struct Input<'a> {
    what: &'static str,
    path: &'a Path,
    pub(super) file: File,
    pub(super) length: u64,
}

impl<'a> Input<'a> {
    /// Opens the file of that name.
    pub(super) fn open(what: &'static str, path: &'a Path) -> Result<Input<'a>, Failure> {
        File::open(path).and_then(|file| Input::from_start(what, path, file)).map_err(|error| {
            Failure::new(format!("cannot open the {what} {}: {error}", path.display()))
        })
    }

    /// Returns the same file, from its start.
    pub(super) fn again(&self) -> Result<Input<'a>, Failure> {
        let file = self.file.try_clone();
        file.and_then(|file| Input::from_start(self.what, self.path, file))
            .map_err(|error| self.failure(error))
    }

    fn from_start(what: &'static str, path: &'a Path, mut file: File) -> io::Result<Input<'a>> {
        file.rewind()?;
        let length = file.metadata()?.len();
        Ok(Input { what, path, file, length })
    }

    /// Says what is wrong with the file, and what to do.
    pub(super) fn failure(&self, why: impl std::fmt::Display) -> Failure {
        Failure::new(format!("cannot load the {} {}: {why}", self.what, self.path.display()))
    }

    /// Says that the memory ends before the file.
    pub(super) fn too_large(&self, bytes: u64, room: u64) -> Failure {
        self.failure(format!(
            "it takes {} KiB of memory, of which {} KiB are left: give the guest more with --memory",
            bytes.div_ceil(1024),
            room / 1024
        ))
    }
}

/// Loads the initrd to the end of the free memory, and returns where it is.
pub(super) fn initrd(
    memory: &GuestMemoryMmap,
    linux: &Linux<'_>,
    free: Range<u64>,
) -> Result<Option<Range<u64>>, Failure> {
    const PAGE: u64 = 4096;
    let Some(initrd) = &linux.initrd else { return Ok(None) };
    let mut input = initrd.again()?;
    let room = free.end.saturating_sub(free.start);
    let start = match free.end.checked_sub(input.length) {
        Some(start) if start / PAGE * PAGE >= free.start => start / PAGE * PAGE,
        _ => return Err(input.too_large(input.length, room)),
    };
    let length = usize::try_from(input.length).map_err(|_| input.too_large(input.length, room))?;
    memory
        .read_exact_volatile_from(GuestAddress(start), &mut input.file, length)
        .map_err(|error| input.failure(error))?;
    Ok(Some(start..start + input.length))
}

/// Checks that the command line fits the kernel, which takes `most` bytes with the zero at its end.
pub(super) fn check_cmdline(cmdline: &str, most: usize) -> Result<(), Failure> {
    if cmdline.contains('\0') {
        return Err(Failure::new("the command line of the kernel has a zero byte in it"));
    }
    match cmdline.len() {
        length if length < most => Ok(()),
        length => Err(Failure::new(format!(
            "the command line has {length} bytes, of which this kernel takes {}: give a shorter one with --cmdline",
            most - 1
        ))),
    }
}
