//! Kernels of x86: bzImage, and ELF files for either way to boot.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use linux_loader::loader::bootparam::setup_header;
use linux_loader::loader::bzimage::BzImage;
use linux_loader::loader::elf::{Elf, PvhBootCapability};
use linux_loader::loader::{KernelLoader, KernelLoaderResult};
use vm_memory::{Address, ByteValued, GuestAddress, GuestMemoryMmap};

use crate::failure::Failure;
use crate::machine::loader::{Input, Linux};

/// First byte above what a BIOS would take.
pub(super) const HIGH_MEMORY: u64 = 0x10_0000;

/// Bytes of the command line that every kernel takes, without the zero at its end.
const CMDLINE_MAX: u32 = 2047;

/// Highest byte of an initrd that every kernel takes.
const INITRD_MAX: u32 = 0x37ff_ffff;

/// Where the header is in a bzImage, and what marks it.
const HEADER: u64 = 0x1f1;
const HEADER_MAGIC: u32 = u32::from_le_bytes(*b"HdrS");

/// The version whose headers say where the kernel likes to be; `xloadflags`: it starts in 64-bit mode.
const VERSION_PREFERENCE: u16 = 0x20c;
const STARTS_IN_64_BIT: u16 = 1;

/// Where a bzImage starts in 64-bit mode, behind its first byte.
const ENTRY_64_BIT: u64 = 0x200;

/// A loaded kernel.
pub(super) struct Kernel {
    /// Where it starts.
    pub(super) start: Start,
    /// First byte behind what it takes.
    pub(super) end: u64,
    /// What it says of itself, or the same of an ELF file, which says nothing.
    pub(super) header: setup_header,
}

/// How a kernel starts, and at which address.
#[derive(Clone, Copy)]
pub(super) enum Start {
    /// In 64-bit mode, with Linux's boot parameters.
    Linux(u64),
    /// In 32-bit mode, with Xen's start information.
    Pvh(u64),
}

/// Loads a kernel into memory that ends at `limit`.
pub(super) fn load(
    memory: &GuestMemoryMmap,
    limit: u64,
    linux: &Linux<'_>,
) -> Result<Kernel, Failure> {
    let mut input = linux.kernel.again()?;
    let mut magic = Vec::new();
    let read = (&mut input.file).take(4).read_to_end(&mut magic);
    read.map_err(|error| input.failure(error))?;
    match magic == *b"\x7fELF" {
        true => load_elf(memory, &mut input),
        false => load_bzimage(memory, limit, &mut input),
    }
}

fn load_elf(memory: &GuestMemoryMmap, input: &mut Input<'_>) -> Result<Kernel, Failure> {
    // Where it cannot be read, the loader says why.
    if has_overlong_segment(&mut input.file).unwrap_or(false) {
        return Err(input.failure("a segment has more bytes than memory: give a vmlinux of x86_64"));
    }
    let loaded = Elf::load(memory, None, &mut input.file, Some(GuestAddress(HIGH_MEMORY)));
    let KernelLoaderResult { kernel_load, kernel_end, pvh_boot_cap, .. } =
        loaded.map_err(|error| {
            input.failure(format!(
                "{error}: it has to be a vmlinux of x86_64, whose memory the guest has"
            ))
        })?;
    let start = match pvh_boot_cap {
        PvhBootCapability::PvhEntryPresent(entry) => Start::Pvh(entry.raw_value()),
        _ => Start::Linux(kernel_load.raw_value()),
    };
    let header = setup_header {
        header: HEADER_MAGIC,
        version: VERSION_PREFERENCE,
        cmdline_size: CMDLINE_MAX,
        initrd_addr_max: INITRD_MAX,
        ..Default::default()
    };
    Ok(Kernel { start, end: kernel_end, header })
}

/// Says whether an ELF file has more bytes of a segment than it says it takes in memory: the loader would put them over
/// what comes behind.
fn has_overlong_segment(file: &mut File) -> io::Result<bool> {
    const LOADED: u32 = 1;
    const LENGTH: u64 = 56;
    let (first, count) = (word(file, 32)?, word(file, 56)? as u16);
    for index in 0..u64::from(count) {
        let start = first.saturating_add(LENGTH * index);
        let kind = word(file, start)? as u32;
        let in_file = word(file, start.saturating_add(32))?;
        let in_memory = word(file, start.saturating_add(40))?;
        if kind == LOADED && in_memory < in_file {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Reads 8 bytes of a file.
fn word(file: &mut File, at: u64) -> io::Result<u64> {
    let mut bytes = [0; 8];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn load_bzimage(
    memory: &GuestMemoryMmap,
    limit: u64,
    input: &mut Input<'_>,
) -> Result<Kernel, Failure> {
    let header = read_header(&mut input.file)
        .filter(|header| ({ header.header }) == HEADER_MAGIC)
        .ok_or_else(|| {
            input.failure("it is neither a bzImage nor an ELF file: give one of these for x86_64")
        })?;
    if header.version < VERSION_PREFERENCE || header.xloadflags & STARTS_IN_64_BIT == 0 {
        return Err(input.failure("it does not start in 64-bit mode: give a kernel for x86_64"));
    }
    // Zero stands for four.
    let sectors = if header.setup_sects == 0 { 4 } else { u64::from(header.setup_sects) };
    let setup = (1 + sectors) * 512;
    let whole = setup + u64::from(header.syssize) * 16;
    if input.length < whole {
        let length = input.length;
        return Err(input.failure(format!("it is cut off: {length} of {whole} bytes are there")));
    }
    let start = header.pref_address;
    let size = u64::from(header.init_size).max(input.length);
    let end = start.checked_add(size).filter(|end| *end <= limit);
    let end = end.ok_or_else(|| input.too_large(size, limit.saturating_sub(start)))?;
    let place = Some(GuestAddress(start));
    BzImage::load(memory, place, &mut input.file, None).map_err(|error| input.failure(error))?;
    Ok(Kernel { start: Start::Linux(start + ENTRY_64_BIT), end, header })
}

/// Reads the header of a bzImage; `None` where the file is too short for one.
fn read_header(file: &mut File) -> Option<setup_header> {
    let mut header = setup_header::default();
    file.seek(SeekFrom::Start(HEADER)).ok()?;
    file.read_exact(header.as_mut_slice()).ok()?;
    Some(header)
}
