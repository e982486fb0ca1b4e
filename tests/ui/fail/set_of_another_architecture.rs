//! A set of arm64 read from a vCPU of x86.

use onereg::{Host, Memory, RegisterSet, WritableSet, X86};

#[derive(RegisterSet)]
#[registers(onereg::arm64)]
struct Set {
    pc: u64,
}

fn main() {
    let vcpu = Memory::<X86>::new(Host::LP64);
    Set::read(&vcpu).unwrap().write(&vcpu).unwrap();
}
