//! Where a vCPU is in its program, and in memory.

use onereg::Registers;
use onereg::x86::{CS_BASE, RIP};
use vm_memory::GuestMemoryMmap;

use crate::failure::Failure;
use crate::machine::vcpu::Vcpu;
use crate::machine::vm::describe;

/// Returns the address of the next instruction.
pub(crate) fn address(vcpu: &Vcpu) -> Result<u64, Failure> {
    let (base, offset) = vcpu.registers().get_many((CS_BASE, RIP))?;
    Ok(base.wrapping_add(offset))
}

/// Returns where in memory the vCPU finds an address: KVM translates it.
pub(crate) fn physical(
    vcpu: &Vcpu,
    _memory: &GuestMemoryMmap,
    address: u64,
) -> Result<Option<u64>, Failure> {
    let found = vcpu.fd().translate_gva(address).map_err(|error| {
        Failure::new(format!("cannot translate an address (KVM_TRANSLATE): {}", describe(error)))
    })?;
    Ok((found.valid != 0).then_some(found.physical_address))
}
