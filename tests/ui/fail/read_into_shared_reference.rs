//! A register read into bytes that nobody may change.

use onereg::{Arm64, Host, Memory, Registers};

fn main() {
    let vcpu = Memory::<Arm64>::new(Host::LP64);
    let value = [0; 8];
    vcpu.read_bytes(onereg::arm64::PC.place(), &value).unwrap();
}
