//! A register read twice: by the ioctl as one would write it by hand, and through its constant.

// UNSAFETY: one of the two is the raw ioctl, to compare with.
#![allow(unsafe_code, reason = "the raw ioctl takes a pointer")]
#![crate_type = "lib"]

use std::os::fd::{AsRawFd, BorrowedFd};

use onereg::kvm::Vcpu;
use onereg::{Arm64, Registers, arm64::PC};

unsafe extern "C" {
    fn ioctl(fd: i32, request: u64, ...) -> i32;
}

/// `struct kvm_one_reg`.
#[repr(C)]
struct OneReg {
    id: u64,
    addr: u64,
}

/// Reads PC of arm64 by KVM_GET_ONE_REG.
#[unsafe(no_mangle)]
pub fn by_hand(fd: BorrowedFd<'_>) -> Option<u64> {
    let mut value = 0u64;
    let request = OneReg { id: 0x6030_0000_0010_0040, addr: &raw mut value as u64 };
    // SAFETY: KVM_GET_ONE_REG writes the 8 bytes that the id's size says to `addr`, which is `value`.
    let result = unsafe { ioctl(fd.as_raw_fd(), 0x4010_aeab, &request) };
    (result >= 0).then_some(value)
}

/// Reads PC of arm64 through its constant.
#[unsafe(no_mangle)]
pub fn typed(fd: BorrowedFd<'_>) -> Option<u64> {
    Vcpu::<Arm64>::over(&fd).get(PC).ok()
}
