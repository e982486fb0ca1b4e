//! The modes that kernels start in: registers, segments, page tables.

use onereg::x86::{
    APIC_LVT0, APIC_LVT1, ApicLvtLint, ApicLvtLintDeliveryMode, CR0, CR3, CR4, CS_BASE, CS_DB,
    CS_DPL, CS_G, CS_L, CS_LIMIT, CS_PRESENT, CS_S, CS_SELECTOR, CS_TYPE, Cr3, DS_BASE, DS_DB,
    DS_DPL, DS_G, DS_L, DS_LIMIT, DS_PRESENT, DS_S, DS_SELECTOR, DS_TYPE, ES_BASE, ES_DB, ES_DPL,
    ES_G, ES_L, ES_LIMIT, ES_PRESENT, ES_S, ES_SELECTOR, ES_TYPE, Efer, GDT_BASE, GDT_LIMIT,
    IA32_MISC_ENABLE, MTRRDEFTYPE, MtrrdeftypeMemtype, RBX, RFLAGS, RIP, RSI, Rflags, SREGS_EFER,
    SS_BASE, SS_DB, SS_DPL, SS_G, SS_L, SS_LIMIT, SS_PRESENT, SS_S, SS_SELECTOR, SS_TYPE,
    SegmentSelector, SegmentType,
};
use onereg::{BulkError, ReadWrite, Reg, Registers, X86};
use vm_memory::{Bytes, GuestAddress, GuestMemoryError, GuestMemoryMmap};

use crate::failure::Failure;
use crate::machine::vcpu::Vcpu;

/// Descriptors of the segments: none, none, code, data, as Linux's boot protocol wants them.
const DESCRIPTORS: u64 = 0x500;
const CODE: SegmentSelector = SegmentSelector::new(0x10);
const DATA: SegmentSelector = SegmentSelector::new(0x18);
const CODE_64_BIT: u64 = 0x00af_9b00_0000_ffff;
const FLAT_DATA: u64 = 0x00cf_9300_0000_ffff;

/// Page tables that map the first 4 GiB to themselves: one of each upper level, and four of the lowest.
const PAGE_TABLES: u64 = 0x9000;
const PAGE: u64 = 0x1000;
const GIBIBYTES: u64 = 4;
const LARGE_PAGE: u64 = 2 << 20;
const PRESENT_WRITABLE: u64 = 0b11;
const IS_LARGE: u64 = 1 << 7;

/// Flags with nothing but the bit that is always set.
const NO_FLAGS: Rflags = Rflags::new(2);

/// Writes the descriptors and page tables.
pub(super) fn write_tables(memory: &GuestMemoryMmap) -> Result<(), GuestMemoryError> {
    let write = |address, value: u64| memory.write_obj(value, GuestAddress(address));
    for (slot, descriptor) in (0..).zip([0, 0, CODE_64_BIT, FLAT_DATA]) {
        write(DESCRIPTORS + 8 * slot, descriptor)?;
    }
    let directory = PAGE_TABLES + PAGE;
    write(PAGE_TABLES, directory | PRESENT_WRITABLE)?;
    for gibibyte in 0..GIBIBYTES {
        let table = directory + PAGE * (1 + gibibyte);
        write(directory + 8 * gibibyte, table | PRESENT_WRITABLE)?;
        for slot in 0..512 {
            let page = (gibibyte * 512 + slot) * LARGE_PAGE;
            write(table + 8 * slot, page | PRESENT_WRITABLE | IS_LARGE)?;
        }
    }
    Ok(())
}

/// Sets what a BIOS leaves behind: the inputs of the local APIC, fast string instructions, and memory that is cached.
pub(super) fn reset(vcpu: &Vcpu) -> Result<(), Failure> {
    let vcpu = vcpu.registers();
    // Interrupts of the old controller, and NMIs.
    let inputs = [ApicLvtLintDeliveryMode::EXTINT, ApicLvtLintDeliveryMode::NMI];
    let inputs = inputs.map(|mode| ApicLvtLint::default().with_delivery_mode(mode));
    vcpu.set_many([APIC_LVT0, APIC_LVT1], inputs)?;
    vcpu.update(IA32_MISC_ENABLE, |enabled| enabled.with_fast_string(true))?;
    vcpu.update(MTRRDEFTYPE, |types| types.with_e(true).with_memtype(MtrrdeftypeMemtype::WB))?;
    Ok(())
}

/// Points a vCPU at a kernel in 64-bit mode, with the address of what it is told in RSI.
pub(super) fn enter_64_bit(vcpu: &Vcpu, address: u64, told: u64) -> Result<(), Failure> {
    let vcpu = vcpu.registers();
    let (cr0, cr4) = vcpu.get_many((CR0, CR4))?;
    vcpu.set_many(
        (CR0, CR3, CR4, SREGS_EFER),
        (
            cr0.with_pe(true).with_pg(true),
            Cr3::new(PAGE_TABLES),
            cr4.with_pae(true),
            Efer::default().with_lme(true).with_lma(true),
        ),
    )?;
    set_segments(&vcpu, 0, 1)?;
    vcpu.set_many((RIP, RSI, RFLAGS), (address, told, NO_FLAGS))?;
    Ok(())
}

/// Points a vCPU at a kernel in 32-bit mode without paging, with the address of what it is told in EBX.
pub(super) fn enter_32_bit(vcpu: &Vcpu, address: u64, told: u64) -> Result<(), Failure> {
    let vcpu = vcpu.registers();
    vcpu.update(CR0, |cr0| cr0.with_pe(true))?;
    set_segments(&vcpu, 1, 0)?;
    vcpu.set_many((RIP, RBX, RFLAGS), (address, told, NO_FLAGS))?;
    Ok(())
}

/// The registers of a segment: base, limit, selector, type, present, privilege, size, code or data, 64-bit, granularity.
type Segment = (
    Reg<X86, u64, ReadWrite>,
    Reg<X86, u32, ReadWrite>,
    Reg<X86, SegmentSelector, ReadWrite>,
    Reg<X86, SegmentType, ReadWrite>,
    Reg<X86, u8, ReadWrite>,
    Reg<X86, u8, ReadWrite>,
    Reg<X86, u8, ReadWrite>,
    Reg<X86, u8, ReadWrite>,
    Reg<X86, u8, ReadWrite>,
    Reg<X86, u8, ReadWrite>,
);

const CS: Segment =
    (CS_BASE, CS_LIMIT, CS_SELECTOR, CS_TYPE, CS_PRESENT, CS_DPL, CS_DB, CS_S, CS_L, CS_G);
const DS: Segment =
    (DS_BASE, DS_LIMIT, DS_SELECTOR, DS_TYPE, DS_PRESENT, DS_DPL, DS_DB, DS_S, DS_L, DS_G);
const ES: Segment =
    (ES_BASE, ES_LIMIT, ES_SELECTOR, ES_TYPE, ES_PRESENT, ES_DPL, ES_DB, ES_S, ES_L, ES_G);
const SS: Segment =
    (SS_BASE, SS_LIMIT, SS_SELECTOR, SS_TYPE, SS_PRESENT, SS_DPL, SS_DB, SS_S, SS_L, SS_G);

/// Makes all segments the whole memory; code has 32 bits or 64.
fn set_segments(vcpu: &impl Registers<X86>, is_32_bit: u8, is_64_bit: u8) -> Result<(), BulkError> {
    const EXECUTE_READ: SegmentType = SegmentType::new(0xb);
    const READ_WRITE: SegmentType = SegmentType::new(3);
    let code = (0, u32::MAX, CODE, EXECUTE_READ, 1, 0, is_32_bit, 1, is_64_bit, 1);
    let data = (0, u32::MAX, DATA, READ_WRITE, 1, 0, 1, 1, 0, 1);
    vcpu.set_many((GDT_BASE, GDT_LIMIT), (DESCRIPTORS, 4 * 8 - 1))?;
    vcpu.set_many((CS, DS, ES, SS), (code, data, data, data))
}
