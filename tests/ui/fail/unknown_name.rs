//! Names that no table has.

use onereg::arm64::{Arm64Registers, SctlrEl1, SpsrM};
use onereg::{Arm64, Host, Memory, Registers};

fn main() {
    let vcpu = Memory::<Arm64>::new(Host::LP64);
    vcpu.get(onereg::arm64::SCTLR_EL9).unwrap();
    vcpu.sctlr_el1().unwrap();
    vcpu.sctlr_el9().unwrap();
    SctlrEl1::new(0).with_mm(true);
    let _ = SpsrM::EL9H;
}
