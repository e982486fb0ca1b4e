//! A read of a write-only register, by every way there is.

use onereg::loongarch::{LoongarchRegisters, VCPU_RESET};
use onereg::{Host, Loongarch, Memory, Registers};

fn main() {
    let vcpu = Memory::<Loongarch>::new(Host::LP64);
    vcpu.get(VCPU_RESET).unwrap();
    vcpu.update(VCPU_RESET, |value| value).unwrap();
    vcpu.get_many((VCPU_RESET,)).unwrap();
    vcpu.set_vcpu_reset(vcpu.vcpu_reset().unwrap()).unwrap();
}
