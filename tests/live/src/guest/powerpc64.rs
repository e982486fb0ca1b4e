//! The steps of powerpc, in real mode.

// UNSAFETY: the steps are assembler.
#![expect(
    unsafe_code,
    reason = "global_asm! puts the guest's bytes into the program; nothing here runs them"
)]

use std::arch::global_asm;

use onereg::powerpc::{GPR, MSR, Msr, PC};
use onereg::{BulkError, Registers};

use super::{CODE, PRIME, Report, SLOTS};
use crate::machine::Machine;

/// How the guest reports: by hypercalls that the kernel does not have, whose first argument lies behind the place of their
/// result.
pub(super) const REPORT: Report = Report { exit: 19, ready: 0x7000, done: 0x7004, value: 2 };

/// What else lies in memory.
pub(super) const MEMORY: &[(u64, u64)] = &[];

/// What a run leaves with bits that a restore drops: the emulator has no PSSCR for guests, and the kernel saves what it
/// finds instead.
pub(super) const UNSETTLED: &[&str] = &["PSSCR"];

/// Points a vCPU at the program, with floating point and vectors and without interrupts.
pub(super) fn place(machine: &Machine) -> Result<(), BulkError> {
    const SIXTY_FOUR_BIT: u64 = 1 << 63;
    const VECTORS: u64 = 1 << 25 | 1 << 23 | 1 << 13;
    const MACHINE_CHECKS: u64 = 1 << 12;
    const LITTLE_ENDIAN: u64 = 1;
    let mode = SIXTY_FOUR_BIT | VECTORS | MACHINE_CHECKS | LITTLE_ENDIAN;
    let mode = Msr::new(mode);
    machine.registers().set_many((PC, MSR, GPR[3], GPR[31]), (CODE, mode, REPORT.ready, SLOTS))
}

// GPR31: the next slot. Not seen: event-based branches, which the emulator gives a guest before the kernel does.
global_asm!(
    begin_steps!(),
    // Stores a general-purpose register.
    ".macro finish_with number",
    "    std \\number, 0(31)",
    "    addi 31, 31, 16",
    "    finish",
    ".endm",
    ".macro special register, number",
    "    begin \\register",
    "    mfspr 30, \\number",
    "    finish_with 30",
    ".endm",
    // Stores the registers of that number, floating-point and vector.
    ".macro vectors number",
    "    begin FPR\\number",
    "    stfd \\number, 0(31)",
    "    addi 31, 31, 16",
    "    finish",
    "    begin VSR\\number",
    "    stxvx \\number, 0, 31",
    "    addi 31, 31, 16",
    "    finish",
    "    begin VR\\number",
    "    stvx \\number, 0, 31",
    "    addi 31, 31, 16",
    "    finish",
    ".endm",
    "    begin",
    "    sc 1",
    "    finish",
    "    begin GPR31",
    "    finish_with 31",
    ".irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
    "    begin GPR\\number",
    "    finish_with \\number",
    ".endr",
    ".irp number, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30",
    "    begin GPR\\number",
    "    finish_with \\number",
    ".endr",
    "    begin CR",
    "    mfcr 30",
    "    finish_with 30",
    "    begin MSR",
    "    mfmsr 30",
    "    finish_with 30",
    "    special XER, 1",
    "    special LR, 8",
    "    special CTR, 9",
    "    special DSCR, 17",
    "    special DSISR, 18",
    "    special DAR, 19",
    "    special SRR0, 26",
    "    special SRR1, 27",
    "    special AMR, 29",
    "    special PID, 48",
    "    special REGS_PID, 48",
    "    special IAMR, 61",
    "    special TIDR, 144",
    "    special FSCR, 153",
    "    special UAMOR, 157",
    "    special PSPB, 159",
    "    special VRSAVE, 256",
    "    special SPRG0, 272",
    "    special SPRG1, 273",
    "    special SPRG2, 274",
    "    special SPRG3, 275",
    "    special TAR, 815",
    "    special PPR, 896",
    ".irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
    "    vectors \\number",
    ".endr",
    ".irp number, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
    "    vectors \\number",
    ".endr",
    "    begin FPSCR",
    "    mffs 0",
    "    stfd 0, 0(31)",
    "    addi 31, 31, 16",
    "    finish",
    "    begin VSCR",
    "    mfvscr 0",
    "    stvx 0, 0, 31",
    "    addi 31, 31, 16",
    "    finish",
    "    begin",
    "    lis 6, {slots} >> 16",
    "    li 4, 0",
    "    lis 5, {prime} >> 32",
    "    sldi 5, 5, 16",
    "    ori 5, 5, {prime} & 0xffff",
    "2:  ld 7, 0(6)",
    "    xor 4, 4, 7",
    "    mulld 4, 4, 5",
    "    addi 6, 6, 8",
    "    cmpld 6, 31",
    "    blt 2b",
    "    li 3, {done}",
    "    sc 1",
    "    finish",
    end_steps!(),
    slots = const SLOTS,
    prime = const PRIME,
    done = const REPORT.done,
);
