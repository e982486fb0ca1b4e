//! Fields that name no register.

use onereg::RegisterSet;

#[derive(RegisterSet)]
#[registers(onereg::arm64)]
struct Set {
    program_counter: u64,
    #[register(SCTLR_EL9)]
    sctlr: u64,
}

fn main() {}
