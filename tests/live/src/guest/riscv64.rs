//! The steps of riscv, in supervisor mode without address translation.

// UNSAFETY: the steps are assembler.
#![expect(
    unsafe_code,
    reason = "global_asm! puts the guest's bytes into the program; nothing here runs them"
)]

use std::arch::global_asm;

use onereg::kvm::Vcpu;
use onereg::riscv::{
    A0, FP_D_FCSR, Fcsr, MODE, Mode, PC, SATP, SSTATUS, Satp, SstatusFs, SstatusVs, VCSR, VL,
    VSTART, VTYPE, Vcsr, Vtype, VtypeVlmul, VtypeVsew,
};
use onereg::{BulkError, Registers, Riscv, Ulong};

use super::{CODE, PRIME, Report, SLOTS};
use crate::machine::Machine;

/// How the guest reports.
pub(super) const REPORT: Report = Report::WRITE;

/// What else lies in memory.
pub(super) const MEMORY: &[(u64, u64)] = &[];

/// What a run leaves with bits that a restore drops.
pub(super) const UNSETTLED: &[&str] = &[];

/// Points a vCPU at the program, with floating point and vectors and without interrupts.
pub(super) fn place(machine: &Machine) -> Result<(), BulkError> {
    const SUPERVISOR: Mode = Mode::new(Ulong(1));
    let vcpu = machine.registers();
    let [status] = vcpu.get_many([SSTATUS])?;
    let status = status.with_fs(SstatusFs::CLEAN).with_vs(SstatusVs::CLEAN).with_sie(false);
    vcpu.set_many(
        ([PC, A0], MODE, SATP, SSTATUS),
        ([CODE, SLOTS].map(Ulong), SUPERVISOR, Satp::default(), status),
    )?;
    // Not every vCPU has the extensions that they are of.
    if let Ok(status) = vcpu.get(FP_D_FCSR) {
        vcpu.set_many([FP_D_FCSR], [Fcsr::new(status.bits() & 0xff)])?;
    }
    match vcpu.get_many(([VL, VSTART], VCSR, VTYPE)) {
        Ok((counts, status, kind)) => place_vectors(&vcpu, counts, status, kind),
        Err(_) => Ok(()),
    }
}

/// Gives the counts and the kind of vectors values that the shortest vectors can have.
fn place_vectors(
    vcpu: &Vcpu<'_, Riscv>,
    [length, start]: [Ulong; 2],
    status: Vcsr,
    kind: Vtype,
) -> Result<(), BulkError> {
    let counts = [length.0 & 0x3f, start.0 & 0xf].map(Ulong);
    let status = Vcsr::new(Ulong(status.bits().0 & 0b111));
    let tail = Vtype::default().with_vta(kind.vta()).with_vma(kind.vma());
    let bytes = tail.with_vsew(VtypeVsew::E8).with_vlmul(VtypeVlmul::M8);
    vcpu.set_many(([VL, VSTART], VCSR, VTYPE), (counts, status, bytes))
}

// A0: the next slot.
global_asm!(
    ".option push",
    ".option norelax",
    ".option norvc",
    ".option arch, +m, +d, +v",
    begin_steps!(),
    // Stores a general-purpose register.
    ".macro finish_with register",
    "    sd \\register, 0(a0)",
    "    addi a0, a0, 16",
    "    finish",
    ".endm",
    "    begin",
    "    sd t0, -8(a0)",
    "    finish",
    ".irp register, a0, ra, sp, gp, tp, t0, t1, t2, t3, t4, t5, t6, a1, a2, a3, a4, a5, a6, a7",
    "    begin \\register",
    "    finish_with \\register",
    ".endr",
    ".irp register, s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11",
    "    begin \\register",
    "    finish_with \\register",
    ".endr",
    // Without XS, which is the processor's, and SD, which sums it up.
    "    begin sstatus",
    "    csrr t0, sstatus",
    "    li t1, ~(1 << 63 | 3 << 15)",
    "    and t0, t0, t1",
    "    finish_with t0",
    ".irp register, sie, stvec, sscratch, sepc, scause, stval, sip, satp, scounteren, senvcfg",
    "    begin \\register",
    "    csrr t0, \\register",
    "    finish_with t0",
    ".endr",
    "    begin FP_D_FCSR",
    "    frcsr t0",
    "    finish_with t0",
    ".irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
    "    begin FP_D_F\\number",
    "    fsd f\\number, 0(a0)",
    "    addi a0, a0, 16",
    "    finish",
    ".endr",
    ".irp number, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
    "    begin FP_D_F\\number",
    "    fsd f\\number, 0(a0)",
    "    addi a0, a0, 16",
    "    finish",
    ".endr",
    ".irp register, vl, vtype, vcsr, vlenb",
    "    begin \\register",
    "    csrr t0, \\register",
    "    finish_with t0",
    ".endr",
    // A store of vectors begins at this element.
    "    begin vstart",
    "    csrrw t0, vstart, zero",
    "    finish_with t0",
    ".irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
    "    begin V\\number",
    "    vs1r.v v\\number, (a0)",
    "    csrr t0, vlenb",
    "    add a0, a0, t0",
    "    finish",
    ".endr",
    ".irp number, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
    "    begin V\\number",
    "    vs1r.v v\\number, (a0)",
    "    csrr t0, vlenb",
    "    add a0, a0, t0",
    "    finish",
    ".endr",
    "    begin",
    "    li t0, {slots}",
    "    li t1, 0",
    "    li t2, {prime}",
    "2:  ld t3, 0(t0)",
    "    xor t1, t1, t3",
    "    mul t1, t1, t2",
    "    addi t0, t0, 8",
    "    bltu t0, a0, 2b",
    "    li t0, {slots}",
    "    sd t1, -16(t0)",
    "    finish",
    end_steps!(),
    ".option pop",
    slots = const SLOTS,
    prime = const PRIME,
);
