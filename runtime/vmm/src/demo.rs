//! `onereg-vmm demo`: the typed registers of every architecture, then the built-in guest.

use std::env;
use std::io::{self, Write};
use std::path::Path;

use onereg::arm64::{Arm64Registers, ELR_EL1, PC, SCTLR_EL1, TPIDR_EL0, V, X};
use onereg::loongarch::{CSR_CRMD, CSR_ERA, CsrEstat, CsrEstatEcode, LoongarchRegisters};
use onereg::mips::{CP0_STATUS, MipsRegisters};
use onereg::powerpc::{LPCR_64, PowerpcRegisters, VR};
use onereg::riscv::{RiscvRegisters, SSTATUS};
use onereg::s390::{CPU_TIMER, S390Registers, TODPR, Todpr};
use onereg::x86::{CR0, EFER, RIP, X86Registers};
use onereg::{
    Arch, Arm64, Digits, Host, Loongarch, Memory, Mips, Powerpc, Registers, Riscv, S390, Ulong, X86,
};

use crate::failure::Failure;
use crate::machine;

/// Shows both; without KVM only the first, which is a failure where `CI=true` promises KVM.
pub(crate) fn run(kvm: &Path) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "Typed registers of every architecture, on vCPUs in memory:")?;
    arm64(&mut out)?;
    loongarch(&mut out)?;
    mips(&mut out)?;
    powerpc(&mut out)?;
    riscv(&mut out)?;
    s390(&mut out)?;
    x86(&mut out)?;
    drop(out);
    built_in_guest(kvm)
}

fn built_in_guest(kvm: &Path) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "\nThe built-in guest, on {}:", kvm.display())?;
    drop(out);
    match machine::check(kvm) {
        Ok(()) => machine::demo(kvm),
        Err(failure) if env::var_os("CI").is_some_and(|value| value == "true") => Err(failure),
        Err(failure) => Ok(writeln!(io::stdout(), "skipped: {failure}")?),
    }
}

fn arm64(out: &mut impl Write) -> Result<(), Failure> {
    let vcpu = Memory::<Arm64>::new(Host::LP64);
    vcpu.set_pc(0x4008_0000)?;
    vcpu.set_x(0, 0x4400_0000)?;
    vcpu.set(V[31], 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef)?;
    vcpu.update(SCTLR_EL1, |sctlr| sctlr.with_m(true).with_c(true).with_i(true))?;
    vcpu.set_many((ELR_EL1, TPIDR_EL0), (vcpu.get(PC)? + 4, vcpu.get_many(X)?[0]))?;
    show(out, &vcpu, &["PC", "X0", "V31", "SCTLR_EL1", "ELR_EL1"])
}

fn loongarch(out: &mut impl Write) -> Result<(), Failure> {
    let vcpu = Memory::<Loongarch>::new(Host::LP64);
    vcpu.update(CSR_CRMD, |crmd| crmd.with_pg(true).with_ie(true).with_plv(3))?;
    vcpu.set(CSR_ERA, 0x9000_0000_0020_0000)?;
    vcpu.set_csr_estat(CsrEstat::new(0).with_ecode(CsrEstatEcode::PIS))?;
    show(out, &vcpu, &["CSR_CRMD", "CSR_ERA", "CSR_ESTAT"])
}

fn mips(out: &mut impl Write) -> Result<(), Failure> {
    let vcpu = Memory::<Mips>::new(Host::LP64);
    vcpu.set_pc(0xffff_ffff_8000_0180)?;
    vcpu.update(CP0_STATUS, |status| status.with_fr(true).with_im(0xff).with_ie(true))?;
    show(out, &vcpu, &["PC", "CP0_STATUS"])
}

fn powerpc(out: &mut impl Write) -> Result<(), Failure> {
    let vcpu = Memory::<Powerpc>::new(Host::LP64);
    vcpu.update(LPCR_64, |lpcr| lpcr.with_uprt(true).with_hr(true).with_ile(true))?;
    vcpu.set(VR[2], 1 << 127)?;
    vcpu.set_tb_offset(1 << 24)?;
    show(out, &vcpu, &["LPCR_64", "VR2", "TB_OFFSET"])
}

fn riscv(out: &mut impl Write) -> Result<(), Failure> {
    let Some(host) = Host::new(64, 32) else { return Ok(()) };
    let vcpu = Memory::<Riscv>::new(host);
    vcpu.set_pc(Ulong(0x8020_0000))?;
    vcpu.update(SSTATUS, |sstatus| sstatus.with_sie(true).with_sum(true))?;
    show(out, &vcpu, &["pc", "sstatus", "V0"])
}

fn s390(out: &mut impl Write) -> Result<(), Failure> {
    let vcpu = Memory::<S390>::new(Host::LP64);
    vcpu.set_clock_comp(0xd000_0000_0000_0000)?;
    vcpu.set_many(
        (TODPR, CPU_TIMER),
        (Todpr::default().with_todpf(0x1234), 0x7fff_ffff_ffff_ffff),
    )?;
    show(out, &vcpu, &["TODPR", "CPU_TIMER", "CLOCK_COMP"])
}

fn x86(out: &mut impl Write) -> Result<(), Failure> {
    let vcpu = Memory::<X86>::new(Host::LP64);
    vcpu.set(RIP, 0x10_0000)?;
    vcpu.update(CR0, |cr0| cr0.with_pg(true).with_pe(true))?;
    vcpu.update(EFER, |efer| efer.with_lme(true).with_lma(true))?;
    vcpu.set_lstar(0xffff_ffff_8100_0000)?;
    show(out, &vcpu, &["RIP", "CR0", "EFER", "LSTAR"])
}

/// Prints registers by name, with the fields that are not zero.
fn show<A: Arch>(
    out: &mut impl Write,
    vcpu: &impl Registers<A>,
    names: &[&str],
) -> Result<(), Failure> {
    writeln!(out, "{}: {} registers", A::TABLE.name, A::TABLE.registers.len())?;
    for info in names.iter().filter_map(|name| A::TABLE.by_name(name)) {
        let mut value = vec![0; info.place.size(vcpu.host())];
        vcpu.read_bytes(info.place, &mut value)?;
        write!(out, "  {:<12} {}", info.name, Digits(&value))?;
        for field in info.fields(&value).filter(|field| field.value != 0) {
            write!(out, "  {}: {field}", field.field.name)?;
        }
        writeln!(out)?;
    }
    Ok(())
}
