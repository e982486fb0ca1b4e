//! A write-only register in a set: every set is read.

use onereg::RegisterSet;

#[derive(RegisterSet)]
#[registers(onereg::loongarch)]
struct Set {
    vcpu_reset: u64,
}

fn main() {}
