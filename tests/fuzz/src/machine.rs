//! Kernels and initrds: files that hold anything, and go into the memory of a guest.

mod image;
mod loader;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};
use vmm_sys_util::tempfile::TempFile;

use self::image::Format;
use self::loader::{Input, Linux};
use crate::failure::Failure;

/// Memory of a guest: where it begins where kernels are `Image`s, and how much there is.
const START: u64 = 0x8000_0000;
const SIZE: usize = 4 << 20;

const FORMAT: Format = Format { name: "Image", magic: *b"RSC\x05" };

/// Marks of an `Image`: how it starts, that it wants to be before the last page of its room, is small, and its magic.
const IMAGE: [(usize, &[u8]); 4] = [
    (0, b"MZ"),
    (9, &[0xef, 0x1f, 0, 0, 0, 0, 0]),
    (17, &[0, 0, 0, 0, 0, 0, 0]),
    (56, &FORMAT.magic),
];

const CMDLINE: &str = "quiet";

/// Loads the input as a kernel and as an initrd: as it is, and with the marks of every format.
pub fn kernels(input: &[u8]) {
    let is_compressed = input.starts_with(&[0x1f, 0x8b]);
    load_image(input, (!is_compressed).then_some(input));
    let image = marked(input, &IMAGE);
    load_image(&image, Some(&image));
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&image).expect("a list grows");
    load_image(&packed.finish().expect("a list grows"), Some(&image));
    #[cfg(target_arch = "x86_64")]
    x86_64::kernels(input);
}

/// Returns the input with bytes at these places.
fn marked(input: &[u8], marks: &[(usize, &[u8])]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for (at, mark) in marks {
        let end = at + mark.len();
        bytes.resize(bytes.len().max(end), 0);
        bytes[*at..end].copy_from_slice(mark);
    }
    bytes
}

/// Loads a file; the kernel in it is `unpacked`. Nothing may be over what was loaded before.
fn load_image(file: &[u8], unpacked: Option<&[u8]>) {
    const TREE: [u8; 64] = [0xd0; 64];
    let memory = memory(START);
    let mut initrd = None;
    let loaded = load(file, |linux| {
        image::load(&memory, &FORMAT, linux, |told| {
            assert_eq!(told.cmdline, CMDLINE);
            initrd.clone_from(&told.initrd);
            Ok(TREE.to_vec())
        })
    });
    let Some(entry) = loaded else { return };
    check(&memory, entry.tree, &TREE);
    check(&memory, initrd.expect("there is one").start, file);
    if let Some(kernel) = unpacked {
        check(&memory, entry.kernel, kernel);
    }
}

fn memory(start: u64) -> GuestMemoryMmap {
    GuestMemoryMmap::from_ranges(&[(GuestAddress(start), SIZE)]).expect("this host has the memory")
}

/// Loads what is in a file as the kernel and as the initrd; what cannot be loaded is named.
fn load<T>(bytes: &[u8], load: impl FnOnce(&Linux<'_>) -> Result<T, Failure>) -> Option<T> {
    let file = TempFile::new().expect("a file can be made");
    file.as_file().write_all(bytes).expect("a file grows");
    let path = file.as_path();
    let open = |what| Input::open(what, path).expect("the file can be read");
    let linux = Linux { kernel: open("kernel"), initrd: Some(open("initrd")), cmdline: CMDLINE };
    let loaded = load(&linux);
    if let Err(failure) = &loaded {
        assert!(failure.to_string().starts_with("cannot load the "), "{failure}");
    }
    loaded.ok()
}

/// Fails unless these bytes are in memory.
fn check(memory: &GuestMemoryMmap, address: u64, bytes: &[u8]) {
    let mut found = vec![0; bytes.len()];
    memory.read_slice(&mut found, GuestAddress(address)).expect("it is memory");
    assert!(found == bytes, "something else is at {address:#x}");
}
