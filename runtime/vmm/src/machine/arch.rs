//! What depends on the host's architecture: one file and one folder each, with the same names in all of them, and what
//! two of them share.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(any(target_arch = "aarch64", target_arch = "riscv64"))]
mod attribute;
#[cfg(any(target_arch = "aarch64", target_arch = "riscv64"))]
mod devicetree;
#[cfg(any(target_arch = "aarch64", target_arch = "riscv64", test))]
mod image;
#[cfg(any(test, target_arch = "aarch64", target_arch = "riscv64"))]
mod page_tables;
#[cfg(any(test, target_arch = "riscv64"))]
mod plic;
#[cfg(target_arch = "riscv64")]
mod riscv64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub(super) use aarch64::*;
#[cfg(target_arch = "riscv64")]
pub(super) use riscv64::*;
#[cfg(target_arch = "x86_64")]
pub(super) use x86_64::*;
