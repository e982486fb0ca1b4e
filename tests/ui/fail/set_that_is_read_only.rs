//! A write of a set that is only read.

use onereg::{Host, Memory, RegisterSet, WritableSet, X86};

#[derive(RegisterSet)]
#[registers(onereg::x86, read_only)]
struct Set {
    ia32_mcg_cap: onereg::x86::McgCap,
}

fn main() {
    let vcpu = Memory::<X86>::new(Host::LP64);
    Set::read(&vcpu).unwrap().write(&vcpu).unwrap();
}
