//! A member that a family does not have.

use onereg::{Arm64, Host, Memory, Registers};

fn main() {
    let vcpu = Memory::<Arm64>::new(Host::LP64);
    vcpu.get(onereg::arm64::X[31]).unwrap();
}
