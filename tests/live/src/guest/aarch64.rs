//! The steps of arm64, at EL1 with the MMU off.

// UNSAFETY: the steps are assembler.
#![expect(
    unsafe_code,
    reason = "global_asm! puts the guest's bytes into the program; nothing here runs them"
)]

use std::arch::global_asm;

use onereg::arm64::{
    CNTP_CTL_EL0, CNTV_CTL_EL0, CPACR_EL1, CpacrEl1, DBGBCR_EL1, DBGWVR_EL1, DbgbcrEl1, DbgwvrEl1,
    FPCR, FPSR, Fpcr, Fpsr, MDSCR_EL1, PC, PMSELR_EL0, PMUSERENR_EL0, PSTATE, PmselrEl0,
    PmuserenrEl0, SCTLR_EL1, Spsr, SpsrM, X, ZCR_EL1, ZcrElx,
};
use onereg::kvm::Vcpu;
use onereg::{Arm64, BulkError, Registers};

use super::{CODE, PRIME, Report, SLOTS};
use crate::machine::Machine;

/// How the guest reports.
pub(super) const REPORT: Report = Report::WRITE;

/// What else lies in memory.
pub(super) const MEMORY: &[(u64, u64)] = &[];

/// What a run leaves with bits that a restore drops.
pub(super) const UNSETTLED: &[&str] = &[];

/// Points a vCPU at the program, with vectors of full length and without interrupts, timers that fire, and debugging.
pub(super) fn place(machine: &Machine) -> Result<(), BulkError> {
    const ALL_VECTORS: CpacrEl1 = CpacrEl1::new(0x33_0000);
    const LONGEST: ZcrElx = ZcrElx::new(0xf);
    let vcpu = machine.registers();
    let (pstate, sctlr) = vcpu.get_many((PSTATE, SCTLR_EL1))?;
    let masked = Spsr::default().with_m(SpsrM::EL1H).with_d(true).with_a(true).with_i(true);
    let flags = masked.with_n(pstate.n()).with_z(pstate.z()).with_c(pstate.c());
    vcpu.set_many(
        (PC, X[0], PSTATE, SCTLR_EL1, CPACR_EL1),
        (
            CODE,
            SLOTS,
            flags.with_v(pstate.v()).with_f(true),
            sctlr.with_m(false).with_ee(false),
            ALL_VECTORS,
        ),
    )?;
    let timers = [CNTV_CTL_EL0, CNTP_CTL_EL0];
    let controls = vcpu.get_many(timers)?;
    vcpu.set_many(timers, controls.map(|control| control.with_enable(true).with_imask(true)))?;
    // Only a vCPU with SVE has it.
    let _ = vcpu.set(ZCR_EL1, LONGEST);
    take_missing_bits(&vcpu)
}

/// Clears bits that a processor need not have, and that KVM keeps all the same.
fn take_missing_bits(vcpu: &Vcpu<'_, Arm64>) -> Result<(), BulkError> {
    const CONDITIONS_AND_EXCEPTIONS: u32 = 0xf800_009f;
    const ROUNDING_AND_FLUSHING: u32 = 0x07c0_0000;
    const ALL_BYTES: u64 = 0x1e0;
    const LEVELS: u64 = 0x2006;
    let (status, control, mdscr) = vcpu.get_many((FPSR, FPCR, MDSCR_EL1))?;
    let (values, breakpoints) = ([DBGWVR_EL1[0], DBGWVR_EL1[1]], [DBGBCR_EL1[0], DBGBCR_EL1[1]]);
    let (addresses, controls) = vcpu.get_many((values, breakpoints))?;
    vcpu.set_many(
        (FPSR, FPCR, MDSCR_EL1, values, breakpoints),
        (
            Fpsr::new(status.bits() & CONDITIONS_AND_EXCEPTIONS),
            Fpcr::new(control.bits() & ROUNDING_AND_FLUSHING),
            mdscr.with_ss(false).with_kde(false).with_mde(false),
            addresses.map(|address| DbgwvrEl1::new(address.bits() & !0b11)),
            controls.map(|control| DbgbcrEl1::new(control.bits() & LEVELS | ALL_BYTES)),
        ),
    )?;
    // Only a vCPU with a PMU has them.
    if let Ok((selected, enabled)) = vcpu.get_many((PMSELR_EL0, PMUSERENR_EL0)) {
        let legal =
            (PmselrEl0::new(selected.bits() & 0x1f), PmuserenrEl0::new(enabled.bits() & 0xf));
        vcpu.set_many((PMSELR_EL0, PMUSERENR_EL0), legal)?;
    }
    Ok(())
}

// X0: the next slot. No step changes the flags before they are stored.
global_asm!(
    begin_steps!(),
    ".arch_extension sve",
    ".macro system register, encoding",
    "    begin \\register",
    "    mrs x1, \\encoding",
    "    str x1, [x0], #16",
    "    finish",
    ".endm",
    "    begin",
    "    stur x1, [x0, #-8]",
    "    finish",
    "    begin X0",
    "    str x0, [x0]",
    "    add x0, x0, #16",
    "    finish",
    ".irp number, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20",
    "    begin X\\number",
    "    str x\\number, [x0], #16",
    "    finish",
    ".endr",
    ".irp number, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30",
    "    begin X\\number",
    "    str x\\number, [x0], #16",
    "    finish",
    ".endr",
    "    begin PSTATE",
    "    mrs x1, NZCV",
    ".irp part, DAIF, CurrentEL, SPSel",
    "    mrs x2, \\part",
    "    orr x1, x1, x2",
    ".endr",
    "    str x1, [x0], #16",
    "    finish",
    "    begin SP_EL1",
    "    mov x1, sp",
    "    str x1, [x0], #16",
    "    finish",
    "    system SP, SP_EL0",
    // Identity, as the guest is to see it.
    ".irp register, MIDR, MPIDR, REVIDR, AIDR, ID_PFR0, ID_PFR1, ID_DFR0, ID_AFR0",
    "    system \\register\\()_EL1, \\register\\()_EL1",
    ".endr",
    ".irp number, 0, 1, 2, 3, 4",
    "    system ID_MMFR\\number\\()_EL1, ID_MMFR\\number\\()_EL1",
    "    system ID_ISAR\\number\\()_EL1, ID_ISAR\\number\\()_EL1",
    ".endr",
    ".irp register, ID_ISAR5, MVFR0, MVFR1, MVFR2, CLIDR",
    "    system \\register\\()_EL1, \\register\\()_EL1",
    ".endr",
    "    system ID_ISAR6_EL1, S3_0_C0_C2_7",
    "    system ID_PFR2_EL1, S3_0_C0_C3_4",
    "    system ID_DFR1_EL1, S3_0_C0_C3_5",
    "    system ID_MMFR5_EL1, S3_0_C0_C3_6",
    "    system CTR_EL0, CTR_EL0",
    ".irp register, PFR0, PFR1, DFR0, DFR1, AFR0, AFR1, ISAR0, ISAR1, MMFR0, MMFR1, MMFR2",
    "    system ID_AA64\\register\\()_EL1, ID_AA64\\register\\()_EL1",
    ".endr",
    "    system ID_AA64ZFR0_EL1, S3_0_C0_C4_4",
    "    system ID_AA64SMFR0_EL1, S3_0_C0_C4_5",
    "    system ID_AA64ISAR2_EL1, S3_0_C0_C6_2",
    "    system ID_AA64PFR2_EL1, S3_0_C0_C4_2",
    "    system ID_AA64FPFR0_EL1, S3_0_C0_C4_7",
    "    system ID_AA64ISAR3_EL1, S3_0_C0_C6_3",
    "    system ID_AA64MMFR3_EL1, S3_0_C0_C7_3",
    "    system ID_AA64MMFR4_EL1, S3_0_C0_C7_4",
    // Control of EL1.
    ".irp register, SCTLR, ACTLR, CPACR, TTBR0, TTBR1, TCR, AFSR0, AFSR1, ESR, FAR, PAR, MAIR, AMAIR",
    "    system \\register\\()_EL1, \\register\\()_EL1",
    ".endr",
    ".irp register, VBAR, ELR, SPSR, CONTEXTIDR, TPIDR, CNTKCTL, CSSELR, MDSCR, OSLSR",
    "    system \\register\\()_EL1, \\register\\()_EL1",
    ".endr",
    "    system ZCR_EL1, S3_0_C1_C2_0",
    "    system SCTLR2_EL1, S3_0_C1_C0_3",
    "    system TCR2_EL1, S3_0_C2_C0_3",
    "    system PIRE0_EL1, S3_0_C10_C2_2",
    "    system PIR_EL1, S3_0_C10_C2_3",
    "    system POR_EL1, S3_0_C10_C2_4",
    "    system DISR_EL1, S3_0_C12_C1_1",
    "    system RGSR_EL1, S3_0_C1_C0_5",
    "    system GCR_EL1, S3_0_C1_C0_6",
    "    system TFSR_EL1, S3_0_C5_C6_0",
    "    system TFSRE0_EL1, S3_0_C5_C6_1",
    ".irp register, DBGBVR0, DBGBCR0, DBGWVR0, DBGWCR0, DBGBVR1, DBGBCR1, DBGWVR1, DBGWCR1",
    "    system \\register\\()_EL1, \\register\\()_EL1",
    ".endr",
    // Pointer authentication.
    "    system APIAKEYLO_EL1, S3_0_C2_C1_0",
    "    system APIAKEYHI_EL1, S3_0_C2_C1_1",
    "    system APIBKEYLO_EL1, S3_0_C2_C1_2",
    "    system APIBKEYHI_EL1, S3_0_C2_C1_3",
    "    system APDAKEYLO_EL1, S3_0_C2_C2_0",
    "    system APDAKEYHI_EL1, S3_0_C2_C2_1",
    "    system APDBKEYLO_EL1, S3_0_C2_C2_2",
    "    system APDBKEYHI_EL1, S3_0_C2_C2_3",
    "    system APGAKEYLO_EL1, S3_0_C2_C3_0",
    "    system APGAKEYHI_EL1, S3_0_C2_C3_1",
    // EL0.
    ".irp register, TPIDR, TPIDRRO, CNTV_CVAL, CNTV_CTL, CNTP_CVAL, CNTP_CTL",
    "    system \\register\\()_EL0, \\register\\()_EL0",
    ".endr",
    "    system POR_EL0, S3_3_C10_C2_4",
    "    system FPMR, S3_3_C4_C4_2",
    // Performance monitor.
    ".irp register, PMCNTENSET, PMOVSSET, PMSELR, PMUSERENR, PMCCFILTR",
    "    system \\register\\()_EL0, \\register\\()_EL0",
    ".endr",
    "    system PMINTENSET_EL1, PMINTENSET_EL1",
    ".irp number, 0, 1, 2, 3",
    "    system PMEVTYPER\\number\\()_EL0, PMEVTYPER\\number\\()_EL0",
    ".endr",
    // Vectors: as wide as they are in the state, where less of them exists the rest of the slot stays zero.
    "    system FPSR, FPSR",
    "    system FPCR, FPCR",
    ".irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
    "    begin V\\number",
    "    str q\\number, [x0], #16",
    "    finish",
    "    begin Z\\number",
    "    str z\\number, [x0]",
    "    add x0, x0, #256",
    "    finish",
    "    begin P\\number",
    "    str p\\number, [x0]",
    "    add x0, x0, #32",
    "    finish",
    ".endr",
    ".irp number, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
    "    begin V\\number",
    "    str q\\number, [x0], #16",
    "    finish",
    "    begin Z\\number",
    "    str z\\number, [x0]",
    "    add x0, x0, #256",
    "    finish",
    ".endr",
    "    begin FFR",
    "    rdffr p0.b",
    "    str p0, [x0]",
    "    add x0, x0, #32",
    "    finish",
    "    begin",
    "    mov x1, #{slots}",
    "    mov x2, #0",
    "    mov x3, #({prime} & 0xffff)",
    "    movk x3, #({prime} >> 32), lsl #32",
    "2:  ldr x4, [x1], #8",
    "    eor x2, x2, x4",
    "    mul x2, x2, x3",
    "    cmp x1, x0",
    "    b.lo 2b",
    "    mov x1, #{slots}",
    "    stur x2, [x1, #-16]",
    "    finish",
    end_steps!(),
    slots = const SLOTS,
    prime = const PRIME,
);
