//! Registers, families, values and look-up of every architecture, on any host, also in constants.

#![deny(warnings)]

use onereg::arm64::{self, Arm64Registers, PSTATE, SCTLR_EL1, SctlrEl1, Spsr, SpsrM, V, X};
use onereg::riscv::RiscvRegisters;
use onereg::x86::X86Registers;
use onereg::{Arm64, Host, Memory, Reg, Registers, Riscv, Ulong, X86};

const FIRST: Reg<Arm64, u64> = X[0];
const SCTLR: SctlrEl1 = SctlrEl1::new(0).with_m(true).with_c(true);
const STATE: Spsr = Spsr::new(0).with_m(SpsrM::EL1H);

fn arm64() -> Result<(), onereg::Error> {
    let vcpu = Memory::<Arm64>::new(Host::LP64);
    vcpu.set(FIRST, 1)?;
    vcpu.set(SCTLR_EL1, SCTLR)?;
    vcpu.set_x(30, 2)?;
    vcpu.update(PSTATE, |_| STATE.with_i(true))?;
    let pc: u64 = vcpu.pc()?;
    let wide: u128 = vcpu.get(V[31])?;
    let mode: SpsrM = vcpu.pstate()?.m();
    assert_eq!((pc, wide, mode), (0, 0, SpsrM::EL1H));
    assert_eq!(vcpu.get_many((X[0], X[30], SCTLR_EL1)).unwrap(), (1, 2, SCTLR));
    Ok(())
}

fn riscv() -> Result<(), onereg::Error> {
    let vcpu = Memory::<Riscv>::new(Host::new(32, 16).expect("a host"));
    vcpu.set_pc(Ulong::new(0x8000_0000))?;
    assert_eq!(vcpu.get(onereg::riscv::PC)?.bits(), 0x8000_0000);
    Ok(())
}

fn x86() -> Result<(), onereg::Error> {
    let vcpu = Memory::<X86>::new(Host::LP64);
    vcpu.set_rip(0x1000)?;
    vcpu.update(onereg::x86::EFER, |efer| efer.with_lme(true))?;
    assert!(vcpu.efer()?.lme());
    Ok(())
}

fn main() -> Result<(), onereg::Error> {
    arm64()?;
    riscv()?;
    x86()?;
    assert_eq!(arm64::by_name("PC"), arm64::PC.info());
    let tables: [&[onereg::Info]; 7] = [
        arm64::ALL,
        onereg::loongarch::ALL,
        onereg::mips::ALL,
        onereg::powerpc::ALL,
        onereg::riscv::ALL,
        onereg::s390::ALL,
        onereg::x86::ALL,
    ];
    assert!(tables.iter().all(|table| !table.is_empty()));
    Ok(())
}
