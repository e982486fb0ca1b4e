//! A value with the fields of another register.

use onereg::arm64::{SCTLR_EL1, TcrEl1};
use onereg::{Arm64, Host, Memory, Registers};

fn main() {
    let vcpu = Memory::<Arm64>::new(Host::LP64);
    vcpu.set(SCTLR_EL1, TcrEl1::new(0)).unwrap();
}
