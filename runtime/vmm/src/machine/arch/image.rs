//! Kernels in the format `Image` of arm64 and riscv, also compressed by gzip, and where they and their files go.

use std::fs::File;
use std::io::{Cursor, Read, Seek};
use std::ops::Range;

use flate2::read::GzDecoder;
use linux_loader::loader::pe::{Error as PeError, PE};
use linux_loader::loader::{Error, KernelLoader, KernelLoaderResult};
use vm_memory::{Address, Bytes, GuestAddress, GuestMemoryBackend, GuestMemoryMmap, ReadVolatile};

use super::{IMAGE_MAGIC, IMAGE_NAME, RAM};
use crate::failure::Failure;
use crate::machine::linux::{Linux, Told};
use crate::machine::loader::{self, Input};

/// Bytes of a kernel's command line, with the zero at its end.
const CMDLINE_MAX: usize = 2048;

/// Alignment and greatest size of a device tree.
const TREE_ROOM: u64 = 2 << 20;

/// Nothing that the kernel looks for early is above.
const LOW_END: u64 = 4 << 30;

/// Where the kernel starts, and where its device tree is.
pub(crate) struct Entry {
    pub(super) kernel: u64,
    pub(super) tree: u64,
}

/// Loads the kernel to the start of memory, and the initrd and the tree that `describe` makes to the end of it.
pub(super) fn load(
    memory: &GuestMemoryMmap,
    linux: &Linux<'_>,
    describe: impl FnOnce(&Told<'_>) -> Result<Vec<u8>, Failure>,
) -> Result<Entry, Failure> {
    loader::check_cmdline(linux.cmdline, CMDLINE_MAX)?;
    let end = memory.last_addr().raw_value().saturating_add(1).min(LOW_END);
    let tree = end.saturating_sub(TREE_ROOM).max(RAM) / TREE_ROOM * TREE_ROOM;
    let kernel = load_kernel(memory, RAM..tree, linux)?;
    let initrd = loader::initrd(memory, linux, kernel.end..tree)?;
    let blob = describe(&Told { cmdline: linux.cmdline, initrd })?;
    memory
        .write_slice(&blob, GuestAddress(tree))
        .map_err(|error| Failure::new(format!("cannot load the device tree: {error}")))?;
    Ok(Entry { kernel: kernel.start, tree })
}

/// Loads the kernel and returns what it takes of `room`.
fn load_kernel(
    memory: &GuestMemoryMmap,
    room: Range<u64>,
    linux: &Linux<'_>,
) -> Result<Range<u64>, Failure> {
    let mut input = Input::kernel(linux)?;
    let mut file = input.file.try_clone().map_err(|error| input.failure(error))?;
    if !is_compressed(&mut file).map_err(|error| input.failure(error))? {
        return load_image(memory, room, &input, &mut file);
    }
    let most = room.end.saturating_sub(room.start);
    let mut image = Vec::new();
    let unpacked = GzDecoder::new(file).take(most + 1).read_to_end(&mut image);
    input.length = unpacked.map_err(|error| {
        input.failure(format!("cannot decompress it ({error}): the file is cut off or damaged"))
    })? as u64;
    load_image(memory, room, &input, &mut Cursor::new(image))
}

/// Says whether the file begins as gzip's do.
fn is_compressed(file: &mut File) -> std::io::Result<bool> {
    let mut magic = Vec::new();
    file.take(2).read_to_end(&mut magic)?;
    file.rewind()?;
    Ok(magic == [0x1f, 0x8b])
}

fn load_image<F: Read + ReadVolatile + Seek>(
    memory: &GuestMemoryMmap,
    room: Range<u64>,
    input: &Input<'_>,
    image: &mut F,
) -> Result<Range<u64>, Failure> {
    let size = memory_size(image).map_err(|error| input.failure(error))?;
    let size = size.ok_or_else(|| no_image(input))?.max(input.length);
    let free = room.end.saturating_sub(room.start);
    if free < size {
        return Err(input.too_large(size, free));
    }
    let loaded = PE::load(memory, Some(GuestAddress(room.start)), image, None);
    let KernelLoaderResult { kernel_load, .. } = loaded.map_err(|error| match error {
        Error::Pe(PeError::ReadImageHeader | PeError::InvalidImageMagicNumber) => no_image(input),
        error => input.failure(error),
    })?;
    Ok(kernel_load.raw_value()..room.start + size)
}

fn no_image(input: &Input<'_>) -> Failure {
    input.failure(format!(
        "it is no {IMAGE_NAME}: give the kernel in that format, plain or compressed by gzip"
    ))
}

/// Reads from the header how much memory the kernel takes from the start of the memory on; `None` for another file.
fn memory_size<F: Read + Seek>(image: &mut F) -> std::io::Result<Option<u64>> {
    const TEXT_OFFSET: Range<usize> = 8..16;
    const IMAGE_SIZE: Range<usize> = 16..24;
    const MAGIC: Range<usize> = 56..60;
    let mut header = Vec::new();
    image.take(64).read_to_end(&mut header)?;
    image.rewind()?;
    let number =
        |range| Some(u64::from_le_bytes(*header.get::<Range<usize>>(range)?.first_chunk()?));
    if header.get(MAGIC) != Some(&IMAGE_MAGIC) {
        return Ok(None);
    }
    Ok(number(TEXT_OFFSET).zip(number(IMAGE_SIZE)).and_then(|(text, size)| text.checked_add(size)))
}
