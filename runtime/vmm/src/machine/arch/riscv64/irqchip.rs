//! The interrupt controllers: an APLIC and an IMSIC for every hart, both in the kernel.

use kvm_bindings::{
    KVM_DEV_RISCV_AIA_ADDR_APLIC, KVM_DEV_RISCV_AIA_CONFIG_HART_BITS, KVM_DEV_RISCV_AIA_CONFIG_IDS,
    KVM_DEV_RISCV_AIA_CONFIG_SRCS, KVM_DEV_RISCV_AIA_CTRL_INIT, KVM_DEV_RISCV_AIA_GRP_ADDR,
    KVM_DEV_RISCV_AIA_GRP_CONFIG, KVM_DEV_RISCV_AIA_GRP_CTRL,
    kvm_device_type_KVM_DEV_TYPE_RISCV_AIA,
};

use super::super::attribute::Device;
use crate::failure::Failure;
use crate::machine::vcpu::Vcpu;
use crate::machine::vm::Vm;

/// Registers of the APLIC: address and size.
pub(super) const APLIC: [u64; 2] = [0xd00_0000, 0x4000];

/// First register of the IMSICs, which lie one behind the other.
pub(super) const IMSICS: u64 = 0x2800_0000;

/// Bytes of an IMSIC.
pub(super) const IMSIC: u64 = 0x1000;

/// Inputs of the APLIC.
pub(super) const SOURCES: u32 = 96;

/// Numbers of messages that an IMSIC may tell apart, the most first: hosts differ.
const MESSAGES: [u32; 3] = [255, 127, 63];

/// The interrupt controllers of a VM.
pub(crate) struct Irqchip {
    aia: Device,
    /// How many messages an IMSIC tells apart.
    pub(super) messages: u32,
}

impl Irqchip {
    /// Creates the controllers of that many vCPUs, which come next.
    pub(crate) fn new(vm: &Vm, cpus: u16) -> Result<Irqchip, Failure> {
        let aia = Device::create(vm.fd(), "AIA", kvm_device_type_KVM_DEV_TYPE_RISCV_AIA)
            .ok_or_else(|| {
                Failure::new(
                    "this host offers no AIA (KVM_CREATE_DEVICE): Linux guests need a CPU with Smaia and Ssaia",
                )
            })?;
        let configure =
            |what: u32, value| aia.set_u32(KVM_DEV_RISCV_AIA_GRP_CONFIG, u64::from(what), value);
        configure(KVM_DEV_RISCV_AIA_CONFIG_SRCS, SOURCES)?;
        let hart_bits = u16::BITS - cpus.saturating_sub(1).leading_zeros();
        configure(KVM_DEV_RISCV_AIA_CONFIG_HART_BITS, hart_bits)?;
        let takes = |messages: &u32| configure(KVM_DEV_RISCV_AIA_CONFIG_IDS, *messages).is_ok();
        let messages = MESSAGES.into_iter().find(takes).ok_or_else(|| {
            Failure::new(format!("this host's AIA takes none of {MESSAGES:?} messages"))
        })?;
        Ok(Irqchip { aia, messages })
    }

    /// Finishes the controllers, now that the vCPUs are there.
    pub(crate) fn complete(&mut self, vcpus: &[Vcpu]) -> Result<(), Failure> {
        let aplic = u64::from(KVM_DEV_RISCV_AIA_ADDR_APLIC);
        self.aia.set(KVM_DEV_RISCV_AIA_GRP_ADDR, aplic, APLIC[0])?;
        for index in 0..vcpus.len() as u64 {
            // The attributes of the IMSICs follow that of the APLIC.
            let imsic = aplic + 1 + index;
            self.aia.set(KVM_DEV_RISCV_AIA_GRP_ADDR, imsic, IMSICS + IMSIC * index)?;
        }
        self.aia.act(KVM_DEV_RISCV_AIA_GRP_CTRL, u64::from(KVM_DEV_RISCV_AIA_CTRL_INIT))
    }
}
