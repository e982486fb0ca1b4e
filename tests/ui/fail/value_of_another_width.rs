//! A 32-bit value for a 64-bit register.

use onereg::{Arm64, Host, Memory, Registers};

fn main() {
    let vcpu = Memory::<Arm64>::new(Host::LP64);
    vcpu.set(onereg::arm64::PC, 5u32).unwrap();
    let _: u32 = vcpu.get(onereg::arm64::PC).unwrap();
}
