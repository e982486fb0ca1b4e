//! Structs that are read and written as one set.

#![deny(warnings)]

use onereg::arm64::{Fpcr, Fpsr, PC, ParEl1, Spsr, V, VbarElx, X};
use onereg::{Arm64, Host, Memory, OnFailure, RegisterSet, Registers, WritableSet, X86};

/// What a kernel is entered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, RegisterSet)]
#[registers(onereg::arm64)]
struct Entry {
    pc: u64,
    #[register(X[0])]
    device_tree: u64,
    pstate: Spsr,
}

/// A family is one field, and a set may have any number of fields.
#[derive(RegisterSet)]
#[registers(onereg::arm64)]
struct Many {
    x: [u64; 31],
    v: [u128; 32],
    sp: u64,
    pc: u64,
    pstate: Spsr,
    sp_el1: u64,
    elr_el1: u64,
    fpsr: Fpsr,
    fpcr: Fpcr,
    #[register(TPIDR_EL0)]
    thread: u64,
    #[register(TPIDR_EL1)]
    core: u64,
    vbar_el1: VbarElx,
    far_el1: u64,
    par_el1: ParEl1,
}

/// A set that is only read may hold read-only registers.
#[derive(RegisterSet)]
#[registers(onereg::x86, read_only)]
struct Capabilities {
    ia32_mcg_cap: onereg::x86::McgCap,
    efer: onereg::x86::Efer,
}

fn main() {
    let vcpu = Memory::<Arm64>::new(Host::LP64);
    let entry = Entry { pc: 0x8000_0000, device_tree: 0x8800_0000, pstate: Spsr::new(0x3c5) };
    entry.write(&vcpu).unwrap();
    assert_eq!(Entry::read(&vcpu).unwrap(), entry);
    assert_eq!(vcpu.get_many((PC, X[0])).unwrap(), (0x8000_0000, 0x8800_0000));

    vcpu.set(V[31], 7).unwrap();
    let mut many = Many::read(&vcpu).unwrap();
    assert_eq!((many.x[0], many.v[31], many.pc), (0x8800_0000, 7, 0x8000_0000));
    many.par_el1 = ParEl1::new(9);
    many.write_or(&vcpu, OnFailure::Continue).unwrap();
    assert_eq!(vcpu.get(onereg::arm64::PAR_EL1).unwrap().bits(), 9);
    assert_eq!((many.sp, many.sp_el1, many.elr_el1), (0, 0, 0));
    assert_eq!((many.fpsr.bits(), many.fpcr.bits(), many.vbar_el1.bits()), (0, 0, 0));
    assert_eq!((many.thread, many.core, many.far_el1), (0, 0, 0));
    assert_eq!(many.pstate, entry.pstate);

    let capabilities = Capabilities::read(&Memory::<X86>::new(Host::LP64)).unwrap();
    assert_eq!((capabilities.ia32_mcg_cap.bits(), capabilities.efer.bits()), (0, 0));
}
