//! A register of x86 on a vCPU of arm64.

use onereg::{Arm64, Host, Memory, Registers};

fn main() {
    let vcpu = Memory::<Arm64>::new(Host::LP64);
    vcpu.get(onereg::x86::EFER).unwrap();
}
