//! A program for a machine without an operating system, which uses what `onereg` offers there.
//!
//! It has a panic handler and no allocator of its own: it builds only when nothing below it needs `std`, which would
//! bring a second handler, or an allocator.

#![no_std]

use core::panic::PanicInfo;

use onereg::arm64::SctlrEl1;
use onereg::{Arch, Arm64};

/// Names the register that has an id on arm64.
pub fn name(id: u64) -> Option<&'static str> {
    Arm64::TABLE.by_id(id).map(|info| info.name)
}

/// Turns the MMU on in a value of SCTLR_EL1.
pub fn with_mmu(sctlr: u64) -> u64 {
    SctlrEl1::new(sctlr).with_m(true).bits()
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}
