//! Structs that are no register set.

use onereg::RegisterSet;

#[derive(RegisterSet)]
struct WithoutModule {
    pc: u64,
}

#[derive(RegisterSet)]
#[registers(onereg::arm64, readonly)]
struct UnknownOption {
    pc: u64,
}

#[derive(RegisterSet)]
#[registers(onereg::arm64)]
struct WithoutNames(u64);

#[derive(RegisterSet)]
#[registers(onereg::arm64)]
struct Empty {}

#[derive(RegisterSet)]
#[registers(onereg::arm64)]
struct Malformed {
    #[register("PC")]
    pc: u64,
}

fn main() {}
