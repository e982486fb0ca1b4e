//! Kernels of the smallest kind, for tests that bring their own code.

/// Where the tests' kernels are loaded.
pub(crate) const LOAD: u32 = 0x10_0000;

/// Where a bzImage starts in 64-bit mode, behind its first byte.
pub(crate) const ENTRY: usize = 0x200;

/// A bzImage of the smallest kind, whose payload begins with `code` at its 64-bit entry.
pub(crate) fn bzimage(code: &[u8]) -> Vec<u8> {
    let sixteenths = (ENTRY + code.len()).div_ceil(16).max(64);
    let mut image = vec![0; 1024 + ENTRY];
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    put(0x1f1, &[1]);
    put(0x1f4, &(sixteenths as u32).to_le_bytes());
    put(0x202, b"HdrS");
    put(0x206, &0x20f_u16.to_le_bytes());
    put(0x211, &[1]);
    put(0x22c, &0x3fff_ffff_u32.to_le_bytes());
    put(0x236, &1_u16.to_le_bytes());
    put(0x238, &100_u32.to_le_bytes());
    put(0x258, &u64::from(LOAD).to_le_bytes());
    put(0x260, &0x10_0000_u32.to_le_bytes());
    image.extend(code);
    image.resize(1024 + sixteenths * 16, 0);
    image
}
