//! The interrupt controller: a GICv3 in the kernel, with an ITS where the host has one, and the counters' interrupts.

use kvm_bindings::{
    KVM_ARM_VCPU_PMU_V3_CTRL, KVM_ARM_VCPU_PMU_V3_INIT, KVM_ARM_VCPU_PMU_V3_IRQ,
    KVM_DEV_ARM_VGIC_CTRL_INIT, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_DEV_ARM_VGIC_GRP_CTRL,
    KVM_DEV_ARM_VGIC_GRP_NR_IRQS, KVM_VGIC_ITS_ADDR_TYPE, KVM_VGIC_V3_ADDR_TYPE_DIST,
    KVM_VGIC_V3_ADDR_TYPE_REDIST, kvm_device_attr, kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_ITS,
    kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_V3,
};

use super::super::attribute::Device;
use super::SERIAL;
use crate::failure::Failure;
use crate::machine::vcpu::Vcpu;
use crate::machine::vm::{Vm, describe};

/// Registers of the distributor: address and size.
pub(super) const DISTRIBUTOR: [u64; 2] = [0x800_0000, 0x1_0000];

/// Registers of the ITS.
pub(super) const ITS: [u64; 2] = [0x808_0000, 0x2_0000];

/// First register of the redistributors, which lie one behind the other.
const REDISTRIBUTORS: u64 = 0x80a_0000;

/// Bytes of a redistributor.
const REDISTRIBUTOR: u64 = 0x2_0000;

/// Interrupts with those of the vCPUs' own: 96 of devices.
const INTERRUPTS: u32 = 128;

/// The counters' interrupt among those of a vCPU's own, and its number.
pub(super) const COUNTERS: u32 = 7;
const COUNTERS_INTID: u32 = 16 + COUNTERS;

/// The GIC of a VM.
pub(crate) struct Irqchip {
    pub(crate) gic: Device,
    pub(crate) its: Option<Device>,
    /// Registers of the redistributors: address and size.
    pub(super) redistributors: [u64; 2],
    /// Whether the vCPUs count events.
    pub(super) has_counters: bool,
}

impl Irqchip {
    /// Creates the GIC for that many vCPUs, which come next.
    pub(crate) fn new(vm: &Vm, cpus: u16) -> Result<Irqchip, Failure> {
        let most = (SERIAL.address - REDISTRIBUTORS) / REDISTRIBUTOR;
        if most < u64::from(cpus) {
            return Err(Failure::new(format!(
                "cannot give Linux {cpus} vCPUs: {most} are the most, give fewer with --cpus"
            )));
        }
        let gic = Device::create(vm.fd(), "GICv3", kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_V3)
            .ok_or_else(|| {
                Failure::new("this host offers no GICv3 (KVM_CREATE_DEVICE): Linux guests need one")
            })?;
        let its = Device::create(vm.fd(), "ITS", kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_ITS);
        let redistributors = [REDISTRIBUTORS, REDISTRIBUTOR * u64::from(cpus)];
        Ok(Irqchip { gic, its, redistributors, has_counters: false })
    }

    /// Says whether devices can send messages.
    pub(super) fn has_its(&self) -> bool {
        self.its.is_some()
    }

    /// Finishes the GIC, now that the vCPUs are there, and gives them their counters' interrupt.
    pub(crate) fn complete(&mut self, vcpus: &[Vcpu]) -> Result<(), Failure> {
        let address = |kind: u32| (KVM_DEV_ARM_VGIC_GRP_ADDR, u64::from(kind));
        let (group, kind) = address(KVM_VGIC_V3_ADDR_TYPE_DIST);
        self.gic.set(group, kind, DISTRIBUTOR[0])?;
        let (group, kind) = address(KVM_VGIC_V3_ADDR_TYPE_REDIST);
        self.gic.set(group, kind, REDISTRIBUTORS)?;
        self.gic.set_u32(KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, INTERRUPTS)?;
        self.gic.act(KVM_DEV_ARM_VGIC_GRP_CTRL, u64::from(KVM_DEV_ARM_VGIC_CTRL_INIT))?;
        if let Some(its) = &self.its {
            let (group, kind) = address(KVM_VGIC_ITS_ADDR_TYPE);
            its.set(group, kind, ITS[0])?;
            its.act(KVM_DEV_ARM_VGIC_GRP_CTRL, u64::from(KVM_DEV_ARM_VGIC_CTRL_INIT))?;
        }
        for vcpu in vcpus {
            self.has_counters = connect_counters(vcpu)?;
        }
        Ok(())
    }
}

/// Connects the interrupt of a vCPU's counters; says whether it has any.
fn connect_counters(vcpu: &Vcpu) -> Result<bool, Failure> {
    let number = COUNTERS_INTID;
    let attribute = |attr: u32, addr: usize| kvm_device_attr {
        group: KVM_ARM_VCPU_PMU_V3_CTRL,
        attr: u64::from(attr),
        addr: addr as u64,
        flags: 0,
    };
    let interrupt = attribute(KVM_ARM_VCPU_PMU_V3_IRQ, (&raw const number).addr());
    if vcpu.fd().has_device_attr(&interrupt).is_err() {
        return Ok(false);
    }
    let set = |attribute| vcpu.fd().set_device_attr(&attribute);
    set(interrupt).and_then(|()| set(attribute(KVM_ARM_VCPU_PMU_V3_INIT, 0))).map_err(|error| {
        Failure::new(format!("cannot set up the counters of a vCPU: {}", describe(error)))
    })?;
    Ok(true)
}
