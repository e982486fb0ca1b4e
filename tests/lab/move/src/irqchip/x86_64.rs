//! State of the interrupt controllers that are no part of a vCPU: both PICs and the IO-APIC.

use kvm_bindings::{
    KVM_IRQCHIP_IOAPIC, KVM_IRQCHIP_PIC_MASTER, KVM_IRQCHIP_PIC_SLAVE, kvm_irqchip,
};

use super::arch::linux::Irqchip;
use super::vcpu::Vcpu;
use super::vm::{Vm, describe};
use crate::failure::Failure;

/// The chips, in the order of a restore.
const CHIPS: [u32; 3] = [KVM_IRQCHIP_PIC_MASTER, KVM_IRQCHIP_PIC_SLAVE, KVM_IRQCHIP_IOAPIC];

/// Reads the state of every chip.
pub(super) fn save(
    vm: &Vm,
    _irqchip: &Irqchip,
    _vcpus: &[Vcpu],
) -> Result<Vec<kvm_irqchip>, Failure> {
    let get = |chip_id| {
        let mut chip = kvm_irqchip { chip_id, ..Default::default() };
        vm.fd().get_irqchip(&mut chip).map(|()| chip)
    };
    CHIPS.into_iter().map(get).collect::<Result<_, _>>().map_err(|error| {
        Failure::new(format!(
            "cannot read an interrupt controller (KVM_GET_IRQCHIP): {}",
            describe(error)
        ))
    })
}

/// Gives every chip the state that was saved; the local APICs have theirs already.
pub(super) fn restore(vm: &Vm, _irqchip: &Irqchip, chips: &[kvm_irqchip]) -> Result<(), Failure> {
    chips.iter().try_for_each(|chip| vm.fd().set_irqchip(chip)).map_err(|error| {
        Failure::new(format!(
            "cannot restore an interrupt controller (KVM_SET_IRQCHIP): {}",
            describe(error)
        ))
    })
}
