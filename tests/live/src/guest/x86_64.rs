//! The steps of x86, in 64-bit mode.

// UNSAFETY: the steps are assembler.
#![expect(
    unsafe_code,
    reason = "global_asm! puts the guest's bytes into the program; nothing here runs them"
)]

use std::arch::global_asm;

use onereg::kvm::Vcpu;
use onereg::x86::{
    CR0, CR3, CR4, CS_BASE, CS_DB, CS_DPL, CS_G, CS_L, CS_LIMIT, CS_PRESENT, CS_S, CS_SELECTOR,
    CS_TYPE, Cr0, Cr3, Cr4, DR7, Dr7, Efer, FPR, FS_BASE, GDT_BASE, GS_BASE, IDT_BASE, RDI, RFLAGS,
    RIP, RSP, Rflags, SREGS_EFER, SS_SELECTOR, SegmentSelector, SegmentType, XCR0, XSTATE_BV, Xcr0,
    YMMH,
};
use onereg::{BulkError, Registers, X86};

use super::{CODE, PRIME, Report, SLOTS};
use crate::arch;
use crate::machine::Machine;

/// How the guest reports.
pub(super) const REPORT: Report = Report::WRITE;

/// Room behind the slots: FXSAVE, and what other instructions store in one piece.
const SCRATCH: u64 = SLOTS + 0xe000;

/// End of the stack.
const STACK: u64 = SLOTS + 0xf000;

/// Page tables behind the code.
const TABLES: u64 = CODE + 0x8000;
const PRESENT_WRITABLE: u64 = 0b11;
const LARGE_PAGE: u64 = 1 << 7;

/// What else lies in memory: page tables that map the first 2 MiB to themselves.
pub(super) const MEMORY: &[(u64, u64)] = &[
    (TABLES, (TABLES + 0x1000) | PRESENT_WRITABLE),
    (TABLES + 0x1000, (TABLES + 0x2000) | PRESENT_WRITABLE),
    (TABLES + 0x2000, LARGE_PAGE | PRESENT_WRITABLE),
];

/// What a run leaves with bits that a restore drops.
pub(super) const UNSETTLED: &[&str] = &[];

/// Points a vCPU at the program, in 64-bit mode with SSE and, where the guest can use it, AVX.
pub(super) fn place(machine: &Machine) -> Result<(), BulkError> {
    let vcpu = machine.registers();
    let has_avx = YMMH[0].info().is_some_and(arch::guest_can_see) && vcpu.get(YMMH[0]).is_ok();
    place_mode(&vcpu, has_avx)?;
    place_vectors(&vcpu, has_avx)?;
    let [flags] = vcpu.get_many([RFLAGS])?;
    let harmless = Rflags::default()
        .with_of(flags.of())
        .with_df(flags.df())
        .with_sf(flags.sf())
        .with_zf(flags.zf())
        .with_af(flags.af())
        .with_pf(flags.pf())
        .with_cf(flags.cf());
    let no_breakpoints = Dr7::new(1 << 10);
    vcpu.set_many((RIP, RFLAGS, RDI, RSP, DR7), (CODE, harmless, SLOTS, STACK, no_breakpoints))
}

/// Sets mode and segments, and makes addresses canonical. KVM sets MCE for the processor, whatever the guest has.
fn place_mode(vcpu: &Vcpu<'_, X86>, has_avx: bool) -> Result<(), BulkError> {
    const CANONICAL: u64 = 0x7fff_ffff_ffff;
    let code_segment =
        (CS_BASE, CS_LIMIT, CS_SELECTOR, CS_TYPE, CS_PRESENT, CS_DPL, CS_DB, CS_S, CS_L, CS_G);
    let selector = SegmentSelector::default().with_index(1);
    let execute_read = SegmentType::new(0xb);
    let execute_read_64_bit = (0, u32::MAX, selector, execute_read, 1, 0, 0, 1, 1, 1);
    let bases = [FS_BASE, GS_BASE, GDT_BASE, IDT_BASE];
    let canonical = vcpu.get_many(bases)?.map(|base| base & CANONICAL);
    let (cr0, cr4, stack_segment) = vcpu.get_many((CR0, CR4, SS_SELECTOR))?;
    let paged = Cr0::default().with_pe(true).with_pg(true).with_et(true);
    let with_vectors = Cr4::default().with_pae(true).with_osfxsr(true).with_osxsave(has_avx);
    vcpu.set_many(
        (CR0, CR3, CR4, SREGS_EFER, code_segment, SS_SELECTOR, bases),
        (
            paged.with_wp(cr0.wp()).with_ne(cr0.ne()).with_mp(cr0.mp()).with_am(cr0.am()),
            Cr3::new(TABLES),
            with_vectors.with_mce(true).with_tsd(cr4.tsd()).with_de(cr4.de()).with_pge(cr4.pge()),
            Efer::default().with_lme(true).with_lma(true),
            execute_read_64_bit,
            stack_segment.with_rpl(0),
            canonical,
        ),
    )
}

/// Enables the vectors, whose values the processor takes only so, and clears what x87 registers lack of 128 bits.
fn place_vectors(vcpu: &Vcpu<'_, X86>, has_avx: bool) -> Result<(), BulkError> {
    let components = Xcr0::default().with_x87(true).with_sse(true).with_avx(has_avx);
    if has_avx {
        vcpu.set(XCR0, components)?;
    }
    vcpu.set(XSTATE_BV, components)?;
    let x87 = vcpu.get_many(FPR)?;
    vcpu.set_many(FPR, x87.map(|register| register & (u128::MAX >> 48)))
}

// RDI: the next slot. Flags first: nothing before changes them, nor does LEA.
global_asm!(
    begin_steps!(),
    // Begins with an image of x87 and SSE registers at RSI.
    ".macro begin_image register",
    "    begin \\register",
    "    mov esi, {scratch}",
    "    fxsave [rsi]",
    ".endm",
    // Stores RAX.
    ".macro finish_rax",
    "    mov [rdi], rax",
    "    lea rdi, [rdi + 16]",
    "    finish",
    ".endm",
    ".macro msr register, number",
    "    begin \\register",
    "    mov ecx, \\number",
    "    rdmsr",
    "    shl rdx, 32",
    "    or rax, rdx",
    "    finish_rax",
    ".endm",
    "    begin",
    "    mov [rdi - 8], rax",
    "    finish",
    ".irp register, RDI, RAX, RBX, RCX, RDX, RSI, RBP, RSP, R8, R9, R10, R11, R12, R13, R14, R15",
    "    begin \\register",
    "    mov [rdi], \\register",
    "    lea rdi, [rdi + 16]",
    "    finish",
    ".endr",
    "    begin RFLAGS",
    "    pushfq",
    "    pop rax",
    "    finish_rax",
    ".irp register, CR0, CR2, CR3, CR4, CR8",
    "    begin \\register",
    "    mov rax, \\register",
    "    finish_rax",
    ".endr",
    ".irp number, 0, 1, 2, 3",
    "    begin DB\\number",
    "    mov rax, dr\\number",
    "    finish_rax",
    ".endr",
    ".irp register, DR6, DR7",
    "    begin \\register",
    "    mov rax, \\register",
    "    finish_rax",
    ".endr",
    ".irp segment, CS, DS, ES, FS, GS, SS",
    "    begin \\segment\\()_SELECTOR",
    "    mov eax, \\segment",
    "    finish_rax",
    ".endr",
    ".irp table, GDT, IDT",
    "    begin \\table\\()_LIMIT",
    "    mov esi, {scratch}",
    "    s\\table [rsi]",
    "    movzx eax, word ptr [rsi]",
    "    finish_rax",
    "    begin \\table\\()_BASE",
    "    mov rax, [rsi + 2]",
    "    finish_rax",
    ".endr",
    "    msr FS_BASE, 0xc0000100",
    "    msr GS_BASE, 0xc0000101",
    "    msr KERNEL_GS_BASE, 0xc0000102",
    "    msr SREGS_EFER, 0xc0000080",
    "    msr EFER, 0xc0000080",
    "    msr STAR, 0xc0000081",
    "    msr LSTAR, 0xc0000082",
    "    msr CSTAR, 0xc0000083",
    "    msr SYSCALL_MASK, 0xc0000084",
    "    msr TSC_AUX, 0xc0000103",
    "    msr IA32_APICBASE, 0x1b",
    "    msr IA32_SYSENTER_CS, 0x174",
    "    msr IA32_SYSENTER_ESP, 0x175",
    "    msr IA32_SYSENTER_EIP, 0x176",
    "    msr IA32_MISC_ENABLE, 0x1a0",
    "    msr IA32_CR_PAT, 0x277",
    "    msr MTRRcap, 0xfe",
    "    msr MTRRdefType, 0x2ff",
    ".irp number, 0, 1, 2, 3, 4, 5, 6, 7",
    "    msr MTRRphysBase\\number, 0x200 + 2 * \\number",
    "    msr MTRRphysMask\\number, 0x201 + 2 * \\number",
    ".endr",
    "    msr MTRRfix64K_00000, 0x250",
    "    msr MTRRfix16K_80000, 0x258",
    "    msr MTRRfix16K_A0000, 0x259",
    "    msr MTRRfix4K_C0000, 0x268",
    "    msr MTRRfix4K_C8000, 0x269",
    "    msr MTRRfix4K_D0000, 0x26a",
    "    msr MTRRfix4K_D8000, 0x26b",
    "    msr MTRRfix4K_E0000, 0x26c",
    "    msr MTRRfix4K_E8000, 0x26d",
    "    msr MTRRfix4K_F0000, 0x26e",
    "    msr MTRRfix4K_F8000, 0x26f",
    ".irp view, , XSAVE_",
    "    begin \\view\\()FCW",
    "    fnstcw [rdi]",
    "    lea rdi, [rdi + 16]",
    "    finish",
    "    begin \\view\\()FSW",
    "    fnstsw [rdi]",
    "    lea rdi, [rdi + 16]",
    "    finish",
    ".endr",
    ".irp register, FTWX, XSAVE_FTW",
    "    begin_image \\register",
    "    movzx eax, byte ptr [rsi + 4]",
    "    finish_rax",
    ".endr",
    "    begin_image XSAVE_MXCSR",
    "    mov eax, [rsi + 24]",
    "    finish_rax",
    ".irp view, FPR, ST",
    ".irp number, 0, 1, 2, 3, 4, 5, 6, 7",
    "    begin_image \\view\\number",
    "    mov rax, [rsi + 40 + 16 * \\number]",
    "    mov [rdi + 8], rax",
    "    mov rax, [rsi + 32 + 16 * \\number]",
    "    finish_rax",
    ".endr",
    ".endr",
    ".irp view, XMM, XSAVE_XMM",
    ".irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
    "    begin \\view\\number",
    "    movups [rdi], xmm\\number",
    "    lea rdi, [rdi + 16]",
    "    finish",
    ".endr",
    ".endr",
    ".irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
    "    begin YMMH\\number",
    "    vextractf128 [rdi], ymm\\number, 1",
    "    lea rdi, [rdi + 16]",
    "    finish",
    ".endr",
    "    begin XCR0",
    "    xor ecx, ecx",
    "    xgetbv",
    "    shl rdx, 32",
    "    or rax, rdx",
    "    finish_rax",
    "    begin",
    "    mov esi, {slots}",
    "    movabs rcx, {prime}",
    "    xor eax, eax",
    "2:  xor rax, [rsi]",
    "    imul rax, rcx",
    "    add rsi, 8",
    "    cmp rsi, rdi",
    "    jb 2b",
    "    mov esi, {slots}",
    "    mov [rsi - 16], rax",
    "    finish",
    end_steps!(),
    slots = const SLOTS,
    scratch = const SCRATCH,
    prime = const PRIME,
);
