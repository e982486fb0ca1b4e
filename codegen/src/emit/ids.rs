//! Listing of every register, one a line: `NAME id width`.
//!
//! The id is `0x%016x`, the address in a plain space, and `STRUCT+0x%04x` for a register that another ioctl carries.
//! Families are expanded, in the order of the tables. It is committed, so that a changed id is seen in review.

use std::fmt::Write as _;

use crate::model::{Arch, Host, Register, Width};
use crate::query::members;

/// Emits the listings of `arch`: file name and text.
pub(super) fn listings(arch: &Arch) -> Vec<(String, String)> {
    let listing = |(name, host)| (format!("{name}.ids"), listing(arch, host));
    hosts(arch).into_iter().map(listing).collect()
}

/// The hosts that the ids of `arch` depend on, and what they are called: one, or, where they depend on the host's XLEN,
/// one for each, as `riscv32` and `riscv64`.
pub(super) fn hosts(arch: &Arch) -> Vec<(String, Host)> {
    let depends = |row: &Register| row.width == Width::Ulong || row.xlen.is_some();
    if !arch.registers.iter().any(depends) {
        return vec![(arch.name.clone(), Host::default())];
    }
    let of = |xlen| (format!("{}{xlen}", arch.name), Host { xlen, ..Host::default() });
    vec![of(32), of(64)]
}

fn listing(arch: &Arch, host: Host) -> String {
    let mut text = String::new();
    for member in members(arch, host) {
        let _ = writeln!(text, "{} {} {}", member.name(), member.place(), member.width());
    }
    text
}
