//! Where a vCPU is in its program, and in memory.

use onereg::Registers;
use onereg::arm64::{PC, SCTLR_EL1, TCR_EL1, TTBR0_EL1, TTBR1_EL1, TcrEl1, TcrEl1Tg0, TcrEl1Tg1};
use vm_memory::GuestMemoryMmap;

use super::super::page_tables::{Entry, PageTables};
use crate::failure::Failure;
use crate::machine::vcpu::Vcpu;

/// Returns the address of the next instruction.
pub(crate) fn address(vcpu: &Vcpu) -> Result<u64, Failure> {
    Ok(vcpu.registers().get(PC)?)
}

/// Returns where in memory the vCPU finds an address, by its page tables.
pub(crate) fn physical(
    vcpu: &Vcpu,
    memory: &GuestMemoryMmap,
    address: u64,
) -> Result<Option<u64>, Failure> {
    let registers = (SCTLR_EL1, TCR_EL1, TTBR0_EL1, TTBR1_EL1);
    let (control, translation, lower, upper) = vcpu.registers().get_many(registers)?;
    if !control.m() {
        return Ok(Some(address));
    }
    let is_upper = (address >> 55) & 1 == 1;
    let table = if is_upper { upper } else { lower };
    let Some((page_bits, address_bits)) = bits(translation, is_upper) else { return Ok(None) };
    // What is below has no part in an address of up to 48 bits.
    let root = (table.baddr() << 1) & !0x3f;
    Ok(PageTables { root, page_bits, address_bits, read }.physical(memory, address))
}

/// Returns how many bits of an address say where in a page it is, and how many are translated.
fn bits(translation: TcrEl1, is_upper: bool) -> Option<(u32, u32)> {
    let (page_bits, unused) = if is_upper {
        let page_bits = match translation.tg1() {
            granule if granule == TcrEl1Tg1::K4 => 12,
            granule if granule == TcrEl1Tg1::K16 => 14,
            granule if granule == TcrEl1Tg1::K64 => 16,
            _ => return None,
        };
        (page_bits, translation.t1sz())
    } else {
        let page_bits = match translation.tg0() {
            granule if granule == TcrEl1Tg0::K4 => 12,
            granule if granule == TcrEl1Tg0::K16 => 14,
            granule if granule == TcrEl1Tg0::K64 => 16,
            _ => return None,
        };
        (page_bits, translation.t0sz())
    };
    let address_bits = 64 - u32::from(unused);
    (address_bits <= 52).then_some((page_bits, address_bits))
}

fn read(entry: u64, level: u32) -> Entry {
    const VALID: u64 = 0b01;
    const TABLE_OR_PAGE: u64 = 0b10;
    const BASE: u64 = 0xffff_ffff_f000;
    let base = entry & BASE;
    match (entry & VALID != 0, entry & TABLE_OR_PAGE != 0, level) {
        (true, true, 0) | (true, false, 1..) => Entry::Memory(base),
        (true, true, 1..) => Entry::Table(base),
        _ => Entry::Nothing,
    }
}
