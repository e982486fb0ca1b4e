//! A field that is not as wide as its register.

use onereg::RegisterSet;

#[derive(RegisterSet)]
#[registers(onereg::arm64)]
struct Set {
    pc: u32,
}

fn main() {}
