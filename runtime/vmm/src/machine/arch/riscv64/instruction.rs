//! Where a vCPU is in its program, and in memory.

use onereg::riscv::{PC, SATP, SatpMode};
use onereg::{Registers, Ulong};
use vm_memory::GuestMemoryMmap;

use super::super::page_tables::{Entry, PageTables};
use crate::failure::Failure;
use crate::machine::vcpu::Vcpu;

/// Bits of an address that say where in a page it is.
const PAGE_BITS: u32 = 12;

/// Returns the address of the next instruction.
pub(crate) fn address(vcpu: &Vcpu) -> Result<u64, Failure> {
    let Ulong(address) = vcpu.registers().get(PC)?;
    Ok(address)
}

/// Returns where in memory the vCPU finds an address, by its page tables.
pub(crate) fn physical(
    vcpu: &Vcpu,
    memory: &GuestMemoryMmap,
    address: u64,
) -> Result<Option<u64>, Failure> {
    let satp = vcpu.registers().get(SATP)?;
    let address_bits = match satp.mode() {
        mode if mode == SatpMode::BARE => return Ok(Some(address)),
        mode if mode == SatpMode::SV39 => 39,
        mode if mode == SatpMode::SV48 => 48,
        mode if mode == SatpMode::SV57 => 57,
        _ => return Ok(None),
    };
    // Those above are as the highest of them.
    let unused = 64 - address_bits;
    if ((address << unused) as i64 >> unused) as u64 != address {
        return Ok(None);
    }
    let root = satp.ppn() << PAGE_BITS;
    let tables = PageTables { root, page_bits: PAGE_BITS, address_bits, read };
    Ok(tables.physical(memory, address))
}

fn read(entry: u64, _level: u32) -> Entry {
    const VALID: u64 = 1;
    const READ_WRITE_EXECUTE: u64 = 0b1110;
    const NUMBER: u64 = (1 << 44) - 1;
    let base = ((entry >> 10) & NUMBER) << PAGE_BITS;
    match (entry & VALID, entry & READ_WRITE_EXECUTE) {
        (0, _) => Entry::Nothing,
        (_, 0) => Entry::Table(base),
        _ => Entry::Memory(base),
    }
}
