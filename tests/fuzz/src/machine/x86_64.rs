//! Kernels of x86.

mod kernel;

use self::kernel::{Kernel, Start};
use super::{SIZE, check, load, loader, marked, memory};

/// Marks of a bzImage: sectors before the kernel, sixteenths of it, magic, version, that it starts in 64-bit mode, wants
/// to be before the last page of memory, and is small.
const BZIMAGE: [(usize, &[u8]); 8] = [
    (0x1f1, &[1]),
    (0x1f4, &[1, 0, 0, 0]),
    (0x202, b"HdrS"),
    (0x206, &[0xf, 2]),
    (0x211, &[1]),
    (0x236, &[1, 0]),
    (0x259, &[0xef, 0x3f, 0, 0, 0, 0, 0]),
    (0x261, &[0, 0, 0]),
];

/// Bytes of such a file before the kernel.
const SETUP: usize = 1024;

/// Marks of an ELF file: magic, and where its program headers are, how long, and how many.
const ELF: [(usize, &[u8]); 4] = [
    (0, b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0"),
    (32, &[64, 0, 0, 0, 0, 0, 0, 0]),
    (54, &[56, 0]),
    (56, &[2, 0]),
];

/// Loads the input: as it is, and with what marks each format.
pub(super) fn kernels(input: &[u8]) {
    load_kernel(input);
    load_kernel(&marked(input, &ELF));
    let bzimage = marked(input, &BZIMAGE);
    load_kernel(&marked(&bzimage, &[(bzimage.len().max(SETUP), &[0; 16])]));
}

/// Loads a file. Nothing may be over what was loaded before.
fn load_kernel(file: &[u8]) {
    let memory = memory(0);
    let loaded = load(file, |linux| {
        let kernel = kernel::load(&memory, SIZE as u64, linux)?;
        let initrd = loader::initrd(&memory, linux, kernel.end..SIZE as u64)?;
        Ok((kernel, initrd.expect("there is one")))
    });
    let Some((Kernel { start, end, header }, initrd)) = loaded else { return };
    assert!(end <= initrd.start && initrd.end <= SIZE as u64, "{end:#x} {initrd:x?}");
    check(&memory, initrd.start, file);
    match start {
        Start::Pvh(entry) => assert!(u32::try_from(entry).is_ok(), "{entry:#x}"),
        Start::Linux(_) if file.starts_with(b"\x7fELF") => {}
        Start::Linux(entry) => {
            assert_eq!(entry, header.pref_address + 0x200);
            // Zero stands for four.
            let sectors = if header.setup_sects == 0 { 4 } else { usize::from(header.setup_sects) };
            check(&memory, header.pref_address, &file[512 * (1 + sectors)..]);
        }
    }
}
