//! The ioctls of KVM that carry registers, with each architecture's numbers.
//!
//! Every function is sound for any file descriptor and any argument: type 0xae of the ioctl numbers belongs to KVM, the
//! size of a struct is part of its number, and buffers are checked against the size that the kernel goes by.

// UNSAFETY: this is the one place that hands pointers to KVM.
#![expect(unsafe_code, reason = "ioctls take pointers")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::TABLES;
use crate::error::ErrorKind;
use crate::table::Carrier;

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

/// Reads the struct of `carrier`.
pub(super) fn get_struct(fd: BorrowedFd<'_>, carrier: &Carrier) -> Result<Vec<u8>, ErrorKind> {
    check_carrier(carrier)?;
    let mut bytes = vec![0; usize::from(carrier.size)];
    let request = NATIVE.number(NATIVE.read, carrier.get.nr, bytes.len());
    // SAFETY: the carrier is one of this crate's tables: the kernel writes a plain struct of the size that is part of
    // the request, and `bytes` has that size.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), request, bytes.as_mut_ptr()) };
    done(result).map(|()| bytes)
}

/// Writes the struct of `carrier`, as [`get_struct`] gave it but for the registers changed in it.
pub(super) fn set_struct(
    fd: BorrowedFd<'_>,
    carrier: &Carrier,
    bytes: &[u8],
) -> Result<(), ErrorKind> {
    check_carrier(carrier)?;
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
        };
        let null = std::fs::File::open("/dev/null").unwrap();
        let fd = std::os::fd::AsFd::as_fd(&null);
        assert!(matches!(get_struct(fd, &carrier), Err(ErrorKind::Unsupported(_))));
        assert!(matches!(set_struct(fd, &carrier, &[0; 16]), Err(ErrorKind::Unsupported(_))));
    }

    #[test]
    fn no_more_msrs_are_collected_than_the_kernel_takes() {
        let msrs = Msrs::new((0..300).map(|index| (index, u64::from(index))));
        assert_eq!(msrs.entries().len(), Msrs::MAX);
        assert_eq!(msrs.entries()[254].value, 254);
    }
}
