//! Kernels in the format `Image` of arm64 and riscv, also compressed by gzip, and where they and their files go.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek};
use std::ops::Range;

use flate2::read::GzDecoder;
use vm_memory::{
    Address, Bytes, GuestAddress, GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion,
    ReadVolatile,
};

use crate::failure::Failure;
use crate::machine::loader::{self, Input, Linux, Told};

/// Bytes of a kernel's command line, with the zero at its end.
const CMDLINE_MAX: usize = 2048;

/// Alignment and greatest size of a device tree.
const TREE_ROOM: u64 = 2 << 20;

/// Nothing that the kernel looks for early is above.
const LOW_END: u64 = 4 << 30;

/// The kernels of an architecture.
pub(super) struct Format {
    /// What such a kernel is called.
    pub(super) name: &'static str,
    /// What stands at its byte 56.
    pub(super) magic: [u8; 4],
}

/// Where the kernel starts, and where its device tree is.
pub(crate) struct Entry {
    pub(super) kernel: u64,
    pub(super) tree: u64,
}

/// Loads the kernel to the start of memory, and the initrd and the tree that `describe` makes to the end of it.
pub(super) fn load(
    memory: &GuestMemoryMmap,
    format: &Format,
    linux: &Linux<'_>,
    describe: impl FnOnce(&Told<'_>) -> Result<Vec<u8>, Failure>,
) -> Result<Entry, Failure> {
    loader::check_cmdline(linux.cmdline, CMDLINE_MAX)?;
    let start = memory.iter().next().map_or(0, |region| region.start_addr().raw_value());
    let end = memory.last_addr().raw_value().saturating_add(1).min(LOW_END);
    let tree = end.saturating_sub(TREE_ROOM).max(start) / TREE_ROOM * TREE_ROOM;
    let kernel = load_kernel(memory, start..tree, format, linux)?;
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
    format: &Format,
    linux: &Linux<'_>,
) -> Result<Range<u64>, Failure> {
    let mut input = linux.kernel.again()?;
    let mut file = input.file.try_clone().map_err(|error| input.failure(error))?;
    if !is_compressed(&mut file).map_err(|error| input.failure(error))? {
        return load_image(memory, room, format, &input, &mut file);
    }
    let most = room.end.saturating_sub(room.start);
    let mut image = Vec::new();
    let unpacked = GzDecoder::new(file).take(most + 1).read_to_end(&mut image);
    input.length = unpacked.map_err(|error| {
        input.failure(format!("cannot decompress it ({error}): the file is cut off or damaged"))
    })? as u64;
    load_image(memory, room, format, &input, &mut Cursor::new(image))
}

/// Says whether the file begins as gzip's do.
fn is_compressed(file: &mut File) -> io::Result<bool> {
    let mut magic = Vec::new();
    file.take(2).read_to_end(&mut magic)?;
    file.rewind()?;
    Ok(magic == [0x1f, 0x8b])
}

fn load_image<F: Read + ReadVolatile + Seek>(
    memory: &GuestMemoryMmap,
    room: Range<u64>,
    format: &Format,
    input: &Input<'_>,
    image: &mut F,
) -> Result<Range<u64>, Failure> {
    let header = Header::read(format, image).map_err(|error| input.failure(error))?;
    let Header { text_offset, image_size } = header.ok_or_else(|| {
        input.failure(format!(
            "it is no {}: give the kernel in that format, plain or compressed by gzip",
            format.name
        ))
    })?;
    let size = text_offset.saturating_add(image_size.max(input.length));
    let free = room.end.saturating_sub(room.start);
    if free < size {
        return Err(input.too_large(size, free));
    }
    let start = room.start + text_offset;
    memory
        .read_exact_volatile_from(GuestAddress(start), image, input.length as usize)
        .map_err(|error| input.failure(error))?;
    Ok(start..room.start + size)
}

/// What a kernel says of itself.
struct Header {
    /// Where it wants to be from the start of the memory on.
    text_offset: u64,
    /// Memory that it takes from there on.
    image_size: u64,
}

impl Header {
    /// Reads the first bytes of a file; `None` where they are not those of a kernel.
    fn read<F: Read + Seek>(format: &Format, image: &mut F) -> io::Result<Option<Header>> {
        let mut header = Vec::new();
        image.take(64).read_to_end(&mut header)?;
        image.rewind()?;
        if header.get(56..60) != Some(&format.magic) {
            return Ok(None);
        }
        let number = |at| Some(u64::from_le_bytes(*header.get::<Range<usize>>(at)?.first_chunk()?));
        let numbers = number(8..16).zip(number(16..24));
        Ok(numbers.map(|(text_offset, image_size)| Header { text_offset, image_size }))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use vmm_sys_util::tempfile::TempFile;

    use super::*;

    const FORMAT: Format = Format { name: "Image of a test", magic: *b"TEST" };
    const START: u64 = 0x4000_0000;

    /// A kernel of 4096 bytes that says those of itself.
    fn kernel(text_offset: u64, image_size: u64) -> Vec<u8> {
        let mut image = vec![7; 4096];
        image[8..16].copy_from_slice(&text_offset.to_le_bytes());
        image[16..24].copy_from_slice(&image_size.to_le_bytes());
        image[56..60].copy_from_slice(&FORMAT.magic);
        image
    }

    /// Loads a file as the kernel and as the initrd, and returns where it starts and where the initrd is.
    fn load_both(bytes: &[u8]) -> Result<(u64, Range<u64>, GuestMemoryMmap), String> {
        let file = TempFile::new().unwrap();
        file.as_file().write_all(bytes).unwrap();
        let open = |what| Input::open(what, file.as_path()).unwrap();
        let linux = Linux { kernel: open("kernel"), initrd: Some(open("initrd")), cmdline: "" };
        let memory = GuestMemoryMmap::from_ranges(&[(GuestAddress(START), 8 << 20)]).unwrap();
        let mut initrd = None;
        let entry = load(&memory, &FORMAT, &linux, |told| {
            initrd.clone_from(&told.initrd);
            Ok(vec![9; 64])
        });
        let entry = entry.map_err(|failure| failure.to_string())?;
        assert_eq!(entry.tree, START + (6 << 20));
        Ok((entry.kernel, initrd.unwrap(), memory))
    }

    #[test]
    fn a_kernel_is_where_it_wants_to_be_also_from_a_compressed_file() {
        let plain = kernel(0x8_0000, 0x10_0000);
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(&plain).unwrap();
        for bytes in [&plain, &packed.finish().unwrap()] {
            let (start, _, memory) = load_both(bytes).unwrap();
            let mut loaded = vec![0; plain.len()];
            memory.read_slice(&mut loaded, GuestAddress(start)).unwrap();
            assert_eq!((start, &loaded), (START + 0x8_0000, &plain));
        }
    }

    #[test]
    fn an_initrd_is_behind_all_of_a_kernel_that_says_less_than_it_has() {
        // The room ends at 6 MiB: 4096 bytes for the kernel, as many for the initrd, and all is taken.
        let room = 6 << 20;
        let (start, initrd, _) = load_both(&kernel(room - 8192, 0)).unwrap();
        assert_eq!((start, initrd), (START + room - 8192, START + room - 4096..START + room));
        let why = load_both(&kernel(room - 8191, 0)).unwrap_err();
        assert!(why.contains("it takes 4 KiB of memory, of which 3 KiB are left"), "{why}");
    }

    #[test]
    fn what_is_no_kernel_is_refused() {
        for bytes in [&[][..], &kernel(0, 0)[..59], &[0x1f; 100]] {
            let why = load_both(bytes).unwrap_err();
            assert!(why.contains("it is no Image of a test: give the kernel in that"), "{why}");
        }
        let why = load_both(&[0x1f, 0x8b, 8]).unwrap_err();
        assert!(why.contains("the file is cut off or damaged"), "{why}");
        let why = load_both(&kernel(u64::MAX, u64::MAX)).unwrap_err();
        assert!(why.contains("give the guest more with --memory"), "{why}");
    }
}
