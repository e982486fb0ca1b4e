//! A read-only register in a set that is written.

use onereg::RegisterSet;

#[derive(RegisterSet)]
#[registers(onereg::x86)]
struct Set {
    ia32_mcg_cap: onereg::x86::McgCap,
    rip: u64,
}

fn main() {}
