//! The ioctls of KVM that carry registers, with each architecture's numbers.
//!
//! Every function is sound for any file descriptor and any argument: type 0xae of the ioctl numbers belongs to KVM, the
//! size of a struct is part of its number, and buffers are checked against the size that the kernel goes by.

// UNSAFETY: this is the one place that hands pointers to KVM.
#![expect(unsafe_code, reason = "ioctls take pointers")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::LazyLock;

use crate::TABLES;
use crate::error::ErrorKind;
use crate::table::{Carrier, Table};

/// How an ioctl number holds direction and size.
struct Encoding {
    direction_shift: u32,
    none: u64,
    write: u64,
    read: u64,
}

const GENERIC: Encoding = Encoding { direction_shift: 30, none: 0, write: 1, read: 2 };
const POWERPC_AND_MIPS: Encoding = Encoding { direction_shift: 29, none: 1, write: 4, read: 2 };

const NATIVE: Encoding = if cfg!(any(
    target_arch = "powerpc",
    target_arch = "powerpc64",
    target_arch = "mips",
    target_arch = "mips64",
    target_arch = "mips32r6",
    target_arch = "mips64r6"
)) {
    POWERPC_AND_MIPS
} else {
    GENERIC
};

impl Encoding {
    const fn number(&self, direction: u64, nr: u8, size: usize) -> libc::Ioctl {
        let number =
            direction << self.direction_shift | (size as u64) << 16 | 0xae << 8 | nr as u64;
        number as libc::Ioctl
    }
}

const KVM_CHECK_EXTENSION: libc::Ioctl = NATIVE.number(NATIVE.none, 0x03, 0);
const KVM_GET_MSR_INDEX_LIST: libc::Ioctl =
    NATIVE.number(NATIVE.read | NATIVE.write, 0x02, size_of::<u32>());
const KVM_GET_MSR_FEATURE_INDEX_LIST: libc::Ioctl =
    NATIVE.number(NATIVE.read | NATIVE.write, 0x0a, size_of::<u32>());
const KVM_GET_MSRS: libc::Ioctl = NATIVE.number(NATIVE.read | NATIVE.write, 0x88, size_of::<u64>());
const KVM_SET_MSRS: libc::Ioctl = NATIVE.number(NATIVE.write, 0x89, size_of::<u64>());
const KVM_GET_ONE_REG: libc::Ioctl = NATIVE.number(NATIVE.write, 0xab, size_of::<OneReg>());
const KVM_SET_ONE_REG: libc::Ioctl = NATIVE.number(NATIVE.write, 0xac, size_of::<OneReg>());
const KVM_GET_REG_LIST: libc::Ioctl =
    NATIVE.number(NATIVE.read | NATIVE.write, 0xb0, size_of::<u64>());

const KVM_ARM_GET_REG_WRITABLE_MASKS: libc::Ioctl =
    NATIVE.number(NATIVE.read, 0xb6, size_of::<RegMaskRange>());

/// `struct kvm_one_reg`.
#[repr(C)]
struct OneReg {
    id: u64,
    addr: u64,
}

/// An access that failed: the reason is looked up apart, so that the access itself stays as small as the bare ioctl.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// The kernel said why in `errno`.
    Errno,
    /// The buffer does not have the size that the id says.
    Size,
}

impl Failed {
    /// Returns the reason, right after the access to a buffer of `given` bytes.
    pub(super) fn kind(self, given: usize) -> ErrorKind {
        match self {
            Failed::Errno => errno(),
            Failed::Size => ErrorKind::Size { given },
        }
    }
}

/// Reads the register `id` into `value`.
#[inline]
pub(super) fn get_one_reg(fd: BorrowedFd<'_>, id: u64, value: &mut [u8]) -> Result<(), Failed> {
    if value.len() != size(id) {
        return Err(Failed::Size);
    }
    let request = OneReg { id, addr: value.as_mut_ptr() as u64 };
    // SAFETY: KVM_GET_ONE_REG reads the struct and writes 1 << (bits 55..52 of the id) bytes to
    // `addr`. The struct and `value`, just checked to have that many bytes, are alive until the
    // call returns, after which KVM keeps neither.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), KVM_GET_ONE_REG, &raw const request) };
    if result < 0 { Err(Failed::Errno) } else { Ok(()) }
}

/// Writes `value` to the register `id`.
#[inline]
pub(super) fn set_one_reg(fd: BorrowedFd<'_>, id: u64, value: &[u8]) -> Result<(), Failed> {
    if value.len() != size(id) {
        return Err(Failed::Size);
    }
    let request = OneReg { id, addr: value.as_ptr() as u64 };
    // SAFETY: KVM_SET_ONE_REG reads the struct and 1 << (bits 55..52 of the id) bytes at `addr`,
    // and writes neither. Both are alive until the call returns; `value` was just checked to have
    // that many bytes.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), KVM_SET_ONE_REG, &raw const request) };
    if result < 0 { Err(Failed::Errno) } else { Ok(()) }
}

/// Returns the size in bytes that the kernel goes by.
#[inline]
fn size(id: u64) -> usize {
    1 << (id >> 52 & 0xf)
}

/// Bytes of the largest struct of this crate's tables.
pub(super) const LARGEST_STRUCT: usize = {
    let mut largest = 0;
    let mut tables: &[&Table] = TABLES;
    while let [table, others @ ..] = tables {
        let mut carriers = table.carriers;
        while let [carrier, others @ ..] = carriers {
            largest = if carrier.size > largest { carrier.size } else { largest };
            carriers = others;
        }
        tables = others;
    }
    largest as usize
};

/// Reads the struct of `carrier` into `bytes`, which have its size; [`ErrorKind::Absent`] where it says that the vCPU has
/// none of its registers.
pub(super) fn get_struct(
    fd: BorrowedFd<'_>,
    carrier: &Carrier,
    bytes: &mut [u8],
) -> Result<(), ErrorKind> {
    check_struct(carrier)?;
    if bytes.len() != usize::from(carrier.size) {
        return Err(ErrorKind::Size { given: bytes.len() });
    }
    let request = NATIVE.number(NATIVE.read, carrier.get.nr, bytes.len());
    // SAFETY: the carrier is one of this crate's tables: the kernel writes a plain struct of the size that is part of
    // the request, and `bytes` was just checked to have that size.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), request, bytes.as_mut_ptr()) };
    done(result)?;
    let count = carrier.count.map(usize::from).and_then(|offset| bytes.get(offset..offset + 4));
    if count == Some(&[0; 4]) {
        return Err(ErrorKind::Absent);
    }
    Ok(())
}

/// Writes the struct of `carrier`, as [`get_struct`] gave it but for the registers changed in it.
pub(super) fn set_struct(
    fd: BorrowedFd<'_>,
    carrier: &Carrier,
    bytes: &[u8],
) -> Result<(), ErrorKind> {
    check_struct(carrier)?;
    let Some(set) = carrier.set else {
        return Err(ErrorKind::Unsupported("no ioctl writes the struct that holds it"));
    };
    if bytes.len() != usize::from(carrier.size) {
        return Err(ErrorKind::Size { given: bytes.len() });
    }
    let request = NATIVE.number(NATIVE.write, set.nr, bytes.len());
    // SAFETY: the carrier is one of this crate's tables: the kernel reads a plain struct, without pointers, of the size
    // that is part of the request and that `bytes` was just checked to have. KVM_SET_XSAVE reads more on a vCPU with a
    // larger area; there KVM_GET_XSAVE, which the bytes come from, has failed.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), request, bytes.as_ptr()) };
    done(result)
}

/// Checks that `carrier` is one of this crate's tables whose struct always has its size.
fn check_struct(carrier: &Carrier) -> Result<(), ErrorKind> {
    check_carrier(carrier)?;
    match carrier.block {
        None => Ok(()),
        Some(_) => Err(ErrorKind::Unsupported("its struct is read and written as a whole")),
    }
}

/// Reads the struct of `carrier` as a whole into `bytes`, which take its size.
pub(super) fn get_block(
    fd: BorrowedFd<'_>,
    carrier: &Carrier,
    bytes: &mut Vec<u8>,
) -> Result<(), ErrorKind> {
    check_carrier(carrier)?;
    match carrier.structure {
        "kvm_xsave" if carrier.block.is_some() => get_xsave(fd, carrier, bytes),
        "kvm_nested_state" => get_nested_state(fd, carrier, bytes),
        _ => Err(NO_BLOCK),
    }
}

/// Writes the struct of `carrier` as a whole, as [`get_block`] gave it on this or another host.
pub(super) fn set_block(
    fd: BorrowedFd<'_>,
    carrier: &Carrier,
    bytes: &[u8],
) -> Result<(), ErrorKind> {
    check_carrier(carrier)?;
    match (carrier.structure, carrier.set) {
        ("kvm_xsave", Some(set)) if carrier.block.is_some() => set_xsave(fd, carrier, set, bytes),
        ("kvm_nested_state", Some(set)) => set_nested_state(fd, carrier, set, bytes),
        _ => Err(NO_BLOCK),
    }
}

const NO_BLOCK: ErrorKind = ErrorKind::Unsupported("no ioctl crosses with it as a whole");

/// Reads the XSAVE area by KVM_GET_XSAVE2, without the zeroes at its end.
fn get_xsave(fd: BorrowedFd<'_>, carrier: &Carrier, bytes: &mut Vec<u8>) -> Result<(), ErrorKind> {
    bytes.clear();
    bytes.resize(xsave_size(carrier), 0);
    let request = NATIVE.number(NATIVE.read, carrier.get.nr, usize::from(carrier.size));
    // SAFETY: KVM_GET_XSAVE2 writes the vCPU's XSAVE area in the standard format, at least a `struct kvm_xsave`. It holds
    // components that this CPU has, so it is no larger than the CPU says the area of all of them is, and `bytes` has the
    // larger of the two sizes.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), request, bytes.as_mut_ptr()) };
    done(result)?;
    bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
    Ok(())
}

/// Writes the XSAVE area by KVM_SET_XSAVE.
fn set_xsave(
    fd: BorrowedFd<'_>,
    carrier: &Carrier,
    set: crate::Ioctl,
    bytes: &[u8],
) -> Result<(), ErrorKind> {
    let size = xsave_size(carrier);
    if bytes.len() > size {
        return Err(ErrorKind::Size { given: bytes.len() });
    }
    let mut area = bytes.to_vec();
    area.resize(size, 0);
    let request = NATIVE.number(NATIVE.write, set.nr, usize::from(carrier.size));
    // SAFETY: KVM_SET_XSAVE reads the vCPU's XSAVE area; `area` is as large as that of all components of this CPU, and as
    // a `struct kvm_xsave` at least.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), request, area.as_ptr()) };
    done(result)
}

/// Returns the size of the largest XSAVE area that a vCPU of this host can have.
fn xsave_size(carrier: &Carrier) -> usize {
    /// Asked for once: in a guest, CPUID costs as much as many ioctls.
    static OF_CPU: LazyLock<usize> = LazyLock::new(cpu::xsave_size);
    (*OF_CPU).max(usize::from(carrier.size))
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
mod cpu {
    #[cfg(target_arch = "x86")]
    use core::arch::x86::__cpuid_count;
    #[cfg(target_arch = "x86_64")]
    use core::arch::x86_64::__cpuid_count;

    /// Returns the size of the XSAVE area of all components that the CPU has (CPUID leaf 0xd).
    #[allow(unused_unsafe, reason = "safe in newer compilers")]
    pub(super) fn xsave_size() -> usize {
        // SAFETY: every CPU that has KVM has CPUID; a leaf that it lacks reads as another one's numbers or zero.
        let (last, area) = unsafe { (__cpuid_count(0, 0).eax, __cpuid_count(0xd, 0).ecx) };
        if last < 0xd { 0 } else { area as usize }
    }
}

#[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
mod cpu {
    /// Returns 0: only x86 has an XSAVE area.
    pub(super) fn xsave_size() -> usize {
        0
    }
}

/// Bytes of `struct kvm_nested_state` that tell its size.
const NESTED_SIZE: std::ops::Range<usize> = 4..8;

/// Reads `struct kvm_nested_state`, which tells its size itself.
fn get_nested_state(
    fd: BorrowedFd<'_>,
    carrier: &Carrier,
    bytes: &mut Vec<u8>,
) -> Result<(), ErrorKind> {
    // What was there before is the best guess of the size.
    let size = bytes.len().max(usize::from(carrier.size));
    bytes.clear();
    bytes.resize(size, 0);
    let request =
        NATIVE.number(NATIVE.read | NATIVE.write, carrier.get.nr, usize::from(carrier.size));
    loop {
        let room = bytes.len();
        bytes[NESTED_SIZE].copy_from_slice(&(room as u32).to_ne_bytes());
        // SAFETY: KVM_GET_NESTED_STATE writes no more bytes than the struct's `size` says, which was just set to the
        // length of `bytes`, or, with E2BIG, only the size that it needs into `size`.
        let result = unsafe { libc::ioctl(fd.as_raw_fd(), request, bytes.as_mut_ptr()) };
        let needed = nested_size(bytes);
        match done(result) {
            Ok(()) => {
                bytes.truncate(needed);
                return Ok(());
            }
            Err(ErrorKind::Errno(libc::E2BIG)) if needed > room => bytes.resize(needed, 0),
            Err(kind) => return Err(kind),
        }
    }
}

/// Writes `struct kvm_nested_state`.
fn set_nested_state(
    fd: BorrowedFd<'_>,
    carrier: &Carrier,
    set: crate::Ioctl,
    bytes: &[u8],
) -> Result<(), ErrorKind> {
    if bytes.len() < usize::from(carrier.size) || nested_size(bytes) != bytes.len() {
        return Err(ErrorKind::Size { given: bytes.len() });
    }
    let request = NATIVE.number(NATIVE.write, set.nr, usize::from(carrier.size));
    // SAFETY: KVM_SET_NESTED_STATE reads a `struct kvm_nested_state` and as many bytes as its `size` says; `bytes` was just
    // checked to have both.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), request, bytes.as_ptr()) };
    done(result)
}

/// Returns the size that a `struct kvm_nested_state` says it has.
fn nested_size(bytes: &[u8]) -> usize {
    let mut size = [0; 4];
    size.iter_mut().zip(bytes.iter().skip(NESTED_SIZE.start)).for_each(|(to, from)| *to = *from);
    u32::from_ne_bytes(size) as usize
}

/// Checks that `carrier` is one of this crate's tables: a made-up number could be that of any ioctl.
fn check_carrier(carrier: &Carrier) -> Result<(), ErrorKind> {
    let known = TABLES.iter().flat_map(|table| table.carriers).any(|known| *known == carrier);
    if known {
        Ok(())
    } else {
        Err(ErrorKind::Unsupported("its ioctl is not one that this crate knows"))
    }
}

/// `struct kvm_msr_entry`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Msr {
    index: u32,
    reserved: u32,
    pub(super) value: u64,
}

/// `struct kvm_msrs`.
#[repr(C)]
pub(super) struct Msrs {
    count: u32,
    pad: u32,
    entries: [Msr; Msrs::MAX],
}

impl Msrs {
    /// Most entries that the kernel takes at once (one less than its `MAX_IO_MSRS`).
    pub(super) const MAX: usize = 255;

    /// Collects MSRs: index and value, [`Msrs::MAX`] at most.
    pub(super) fn new(msrs: impl IntoIterator<Item = (u32, u64)>) -> Self {
        let mut new = Msrs {
            count: 0,
            pad: 0,
            entries: [Msr { index: 0, reserved: 0, value: 0 }; Msrs::MAX],
        };
        for (entry, (index, value)) in new.entries.iter_mut().zip(msrs) {
            *entry = Msr { index, reserved: 0, value };
            new.count += 1;
        }
        new
    }

    /// Returns the entries.
    pub(super) fn entries(&self) -> &[Msr] {
        &self.entries[..self.count as usize]
    }

    /// Reads the MSRs one after the other until one fails; returns how many were read.
    pub(super) fn read(&mut self, fd: BorrowedFd<'_>) -> Result<usize, ErrorKind> {
        // SAFETY: KVM_GET_MSRS reads `count` and as many entries, never more than the struct has, and writes those
        // entries. The struct is alive until the call returns.
        let result = unsafe { libc::ioctl(fd.as_raw_fd(), KVM_GET_MSRS, &raw mut *self) };
        done(result).map(|()| result as usize)
    }

    /// Writes the MSRs one after the other until one fails; returns how many were written.
    pub(super) fn write(&self, fd: BorrowedFd<'_>) -> Result<usize, ErrorKind> {
        // SAFETY: KVM_SET_MSRS reads `count` and as many entries, never more than the struct has. The struct is alive
        // until the call returns.
        let result = unsafe { libc::ioctl(fd.as_raw_fd(), KVM_SET_MSRS, &raw const *self) };
        done(result).map(|()| result as usize)
    }
}

/// `struct reg_mask_range`.
#[repr(C)]
struct RegMaskRange {
    addr: u64,
    range: u32,
    reserved: [u32; 13],
}

/// Number of masks of the only range there is, that of ID registers (KVM_ARM_FEATURE_ID_RANGE_SIZE).
const MASKS: usize = 3 * 8 * 8;

/// Returns which bits of each of arm64's ID registers can be written, of a VM by KVM_ARM_GET_REG_WRITABLE_MASKS.
pub(super) fn writable_masks(fd: BorrowedFd<'_>) -> io::Result<[u64; MASKS]> {
    let mut masks = [0u64; MASKS];
    let range = RegMaskRange { addr: masks.as_mut_ptr() as u64, range: 0, reserved: [0; 13] };
    // SAFETY: KVM_ARM_GET_REG_WRITABLE_MASKS reads the struct and, for range 0, writes 3 * 8 * 8 masks of 64 bits to
    // `addr`, which has room for them. Struct and masks are alive until the call returns, after which KVM keeps neither.
    let result =
        unsafe { libc::ioctl(fd.as_raw_fd(), KVM_ARM_GET_REG_WRITABLE_MASKS, &raw const range) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(masks) }
}

/// Returns the ids that KVM_GET_REG_LIST gives of a vCPU.
pub(super) fn reg_list(fd: BorrowedFd<'_>) -> io::Result<Vec<u64>> {
    let mut list = vec![0u64];
    loop {
        let room = list.len() - 1;
        list[0] = room as u64;
        // SAFETY: KVM_GET_REG_LIST reads the first word, writes no more ids behind it than that says, and overwrites
        // it with the number of registers. `list` has that many words and is alive until the call returns.
        let result = unsafe { libc::ioctl(fd.as_raw_fd(), KVM_GET_REG_LIST, list.as_mut_ptr()) };
        let needed = usize::try_from(list[0]).unwrap_or(usize::MAX);
        if !must_grow(result, room, needed)? {
            list.truncate(needed.saturating_add(1));
            list.remove(0);
            return Ok(list);
        }
        list.resize(needed.saturating_add(1), 0);
    }
}

/// Lists of MSRs that /dev/kvm gives.
#[derive(Clone, Copy)]
pub(super) enum MsrList {
    /// Those that a vCPU may have.
    Index,
    /// Those that describe the host to a VMM.
    Feature,
}

/// Returns the indices that KVM_GET_MSR_INDEX_LIST or KVM_GET_MSR_FEATURE_INDEX_LIST gives of /dev/kvm.
pub(super) fn msr_list(fd: BorrowedFd<'_>, which: MsrList) -> io::Result<Vec<u32>> {
    let request = match which {
        MsrList::Index => KVM_GET_MSR_INDEX_LIST,
        MsrList::Feature => KVM_GET_MSR_FEATURE_INDEX_LIST,
    };
    let mut list = vec![0u32];
    loop {
        let room = list.len() - 1;
        list[0] = room as u32;
        // SAFETY: both ioctls read the first word, write no more indices behind it than that says, and overwrite it
        // with the number of MSRs. `list` has that many words and is alive until the call returns.
        let result = unsafe { libc::ioctl(fd.as_raw_fd(), request, list.as_mut_ptr()) };
        let needed = list[0] as usize;
        if !must_grow(result, room, needed)? {
            list.truncate(needed.saturating_add(1));
            list.remove(0);
            return Ok(list);
        }
        list.resize(needed.saturating_add(1), 0);
    }
}

/// Tells whether a list ioctl has to be repeated with more room.
fn must_grow(result: libc::c_int, room: usize, needed: usize) -> io::Result<bool> {
    if result >= 0 {
        return Ok(false);
    }
    let error = io::Error::last_os_error();
    if error.raw_os_error() == Some(libc::E2BIG) && needed > room { Ok(true) } else { Err(error) }
}

/// Returns what KVM_CHECK_EXTENSION says of a capability, of /dev/kvm or a VM.
pub(super) fn check_extension(fd: BorrowedFd<'_>, capability: u32) -> io::Result<u32> {
    // SAFETY: KVM_CHECK_EXTENSION takes a number and touches no memory.
    let result = unsafe {
        libc::ioctl(fd.as_raw_fd(), KVM_CHECK_EXTENSION, libc::c_ulong::from(capability))
    };
    u32::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// Turns the result of an ioctl into one.
#[inline]
fn done(result: libc::c_int) -> Result<(), ErrorKind> {
    if result < 0 { Err(errno()) } else { Ok(()) }
}

#[cold]
fn errno() -> ErrorKind {
    ErrorKind::Errno(io::Error::last_os_error().raw_os_error().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_uapi_headers() {
        for (encoding, get, set) in
            [(&GENERIC, 0x4010_aeab, 0x4010_aeac), (&POWERPC_AND_MIPS, 0x8010_aeab, 0x8010_aeac)]
        {
            assert_eq!(encoding.number(encoding.write, 0xab, size_of::<OneReg>()), get);
            assert_eq!(encoding.number(encoding.write, 0xac, size_of::<OneReg>()), set);
            assert_eq!(
                encoding.number(encoding.read | encoding.write, 0xb0, size_of::<u64>()),
                0xc008_aeb0
            );
        }
    }

    #[test]
    fn a_buffer_of_another_size_never_reaches_the_kernel() {
        let null = std::fs::File::open("/dev/null").unwrap();
        let fd = std::os::fd::AsFd::as_fd(&null);
        let id = 3 << 52;
        assert_eq!(get_one_reg(fd, id, &mut [0; 4]), Err(Failed::Size));
        assert_eq!(set_one_reg(fd, id, &[0; 16]), Err(Failed::Size));
        let refused = get_one_reg(fd, id, &mut [0; 8]).map_err(|failed| failed.kind(8));
        assert_eq!(refused, Err(ErrorKind::Errno(libc::ENOTTY)));
    }

    #[test]
    fn a_carrier_of_no_table_never_reaches_the_kernel() {
        let ioctl = crate::Ioctl { name: "KVM_GET_ONE_REG", nr: 0xab };
        let carrier = Carrier {
            name: "forged",
            structure: "kvm_one_reg",
            size: 16,
            get: ioctl,
            set: Some(ioctl),
            block: None,
            scope: crate::Scope::Vcpu,
            count: None,
        };
        let null = std::fs::File::open("/dev/null").unwrap();
        let fd = std::os::fd::AsFd::as_fd(&null);
        assert!(matches!(get_struct(fd, &carrier, &mut [0; 16]), Err(ErrorKind::Unsupported(_))));
        assert!(matches!(set_struct(fd, &carrier, &[0; 16]), Err(ErrorKind::Unsupported(_))));
    }

    #[test]
    fn a_struct_of_a_size_of_its_own_only_crosses_as_a_whole() {
        let null = std::fs::File::open("/dev/null").unwrap();
        let fd = std::os::fd::AsFd::as_fd(&null);
        for carrier in [&crate::x86::carrier::XSAVE2, &crate::x86::carrier::NESTED] {
            let mut bytes = vec![0; 128];
            let got = get_struct(fd, carrier, &mut bytes);
            assert!(matches!(got, Err(ErrorKind::Unsupported(_))));
            assert!(matches!(set_struct(fd, carrier, &bytes), Err(ErrorKind::Unsupported(_))));
            let got = get_block(fd, carrier, &mut bytes);
            assert_eq!(got, Err(ErrorKind::Errno(libc::ENOTTY)));
        }
        let xsave = &crate::x86::carrier::XSAVE;
        assert!(matches!(get_block(fd, xsave, &mut Vec::new()), Err(ErrorKind::Unsupported(_))));
        assert!(matches!(set_block(fd, xsave, &[]), Err(ErrorKind::Unsupported(_))));
    }

    #[test]
    fn a_block_of_a_wrong_size_never_reaches_the_kernel() {
        let null = std::fs::File::open("/dev/null").unwrap();
        let fd = std::os::fd::AsFd::as_fd(&null);
        let nested = &crate::x86::carrier::NESTED;
        let sized = |length: usize, size: u32| {
            let mut bytes = vec![0; length];
            bytes[NESTED_SIZE].copy_from_slice(&size.to_ne_bytes());
            set_block(fd, nested, &bytes)
        };
        assert_eq!(sized(128, 4224), Err(ErrorKind::Size { given: 128 }));
        assert_eq!(sized(64, 64), Err(ErrorKind::Size { given: 64 }));
        assert_eq!(sized(128, 128), Err(ErrorKind::Errno(libc::ENOTTY)));
        let xsave = &crate::x86::carrier::XSAVE2;
        let large = vec![0; 1 << 20];
        assert_eq!(set_block(fd, xsave, &large), Err(ErrorKind::Size { given: 1 << 20 }));
    }

    #[test]
    fn no_more_msrs_are_collected_than_the_kernel_takes() {
        let msrs = Msrs::new((0..300).map(|index| (index, u64::from(index))));
        assert_eq!(msrs.entries().len(), Msrs::MAX);
        assert_eq!(msrs.entries()[254].value, 254);
    }
}
