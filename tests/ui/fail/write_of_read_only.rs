//! A write to a read-only register, by every way there is.

use onereg::x86::{IA32_MCG_CAP, McgCap, X86Registers};
use onereg::{Host, Memory, Registers, X86};

fn main() {
    let vcpu = Memory::<X86>::new(Host::LP64);
    vcpu.set(IA32_MCG_CAP, McgCap::new(1)).unwrap();
    vcpu.update(IA32_MCG_CAP, |value| value.with_count(1)).unwrap();
    vcpu.set_many((IA32_MCG_CAP,), (McgCap::new(1),)).unwrap();
    vcpu.set_ia32_mcg_cap(vcpu.ia32_mcg_cap().unwrap()).unwrap();
}
