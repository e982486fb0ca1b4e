//! An AIA: an APLIC and an IMSIC for every hart, both in the kernel.

use kvm_bindings::{
    KVM_DEV_RISCV_AIA_ADDR_APLIC, KVM_DEV_RISCV_AIA_CONFIG_HART_BITS, KVM_DEV_RISCV_AIA_CONFIG_IDS,
    KVM_DEV_RISCV_AIA_CONFIG_SRCS, KVM_DEV_RISCV_AIA_CTRL_INIT, KVM_DEV_RISCV_AIA_GRP_ADDR,
    KVM_DEV_RISCV_AIA_GRP_CONFIG, KVM_DEV_RISCV_AIA_GRP_CTRL,
    kvm_device_type_KVM_DEV_TYPE_RISCV_AIA,
};

use vm_fdt::{Error, FdtWriter};

use super::super::attribute::Device;
use super::irqchip::{HANDLE, MESSAGES_HANDLE, external_interrupts};
use crate::failure::Failure;
use crate::machine::vm::Vm;

/// Registers of the APLIC: address and size.
const APLIC: [u64; 2] = [0xd00_0000, 0x4000];

/// First register of the IMSICs, which lie one behind the other.
const IMSICS: u64 = 0x2800_0000;

/// Bytes of an IMSIC.
const IMSIC: u64 = 0x1000;

/// Inputs of the APLIC.
const SOURCES: u32 = 96;

/// Numbers of messages that an IMSIC may tell apart, the most first: hosts differ.
const MESSAGES: [u32; 3] = [255, 127, 63];

/// The controllers of a VM.
pub(crate) struct Aia {
    pub(crate) device: Device,
    /// How many messages an IMSIC tells apart.
    messages: u32,
}

impl Aia {
    /// Creates the controllers of that many vCPUs, which come next; `None` where the host has none.
    pub(super) fn new(vm: &Vm, cpus: u16) -> Result<Option<Aia>, Failure> {
        let kind = kvm_device_type_KVM_DEV_TYPE_RISCV_AIA;
        let Some(device) = Device::create(vm.fd(), "AIA", kind) else { return Ok(None) };
        let configure =
            |what: u32, value| device.set_u32(KVM_DEV_RISCV_AIA_GRP_CONFIG, u64::from(what), value);
        configure(KVM_DEV_RISCV_AIA_CONFIG_SRCS, SOURCES)?;
        let hart_bits = u16::BITS - cpus.saturating_sub(1).leading_zeros();
        configure(KVM_DEV_RISCV_AIA_CONFIG_HART_BITS, hart_bits)?;
        let takes = |messages: &u32| configure(KVM_DEV_RISCV_AIA_CONFIG_IDS, *messages).is_ok();
        let messages = MESSAGES.into_iter().find(takes).ok_or_else(|| {
            Failure::new(format!("this host's AIA takes none of {MESSAGES:?} messages"))
        })?;
        Ok(Some(Aia { device, messages }))
    }

    /// Finishes the controllers, now that the vCPUs are there.
    pub(super) fn complete(&self, cpus: u64) -> Result<(), Failure> {
        let aplic = u64::from(KVM_DEV_RISCV_AIA_ADDR_APLIC);
        self.device.set(KVM_DEV_RISCV_AIA_GRP_ADDR, aplic, APLIC[0])?;
        for index in 0..cpus {
            // The attributes of the IMSICs follow that of the APLIC.
            let imsic = aplic + 1 + index;
            self.device.set(KVM_DEV_RISCV_AIA_GRP_ADDR, imsic, IMSICS + IMSIC * index)?;
        }
        self.device.act(KVM_DEV_RISCV_AIA_GRP_CTRL, u64::from(KVM_DEV_RISCV_AIA_CTRL_INIT))
    }

    /// Describes the controllers of that many harts.
    pub(super) fn describe(&self, tree: &mut FdtWriter, count: u32) -> Result<(), Error> {
        imsics(tree, self.messages, count)?;
        aplic(tree)
    }
}

fn imsics(tree: &mut FdtWriter, messages: u32, count: u32) -> Result<(), Error> {
    let node = tree.begin_node(&format!("interrupt-controller@{IMSICS:x}"))?;
    tree.property_string("compatible", "riscv,imsics")?;
    tree.property_array_u64("reg", &[IMSICS, IMSIC * u64::from(count)])?;
    tree.property_null("interrupt-controller")?;
    tree.property_u32("#interrupt-cells", 0)?;
    tree.property_null("msi-controller")?;
    tree.property_u32("#msi-cells", 0)?;
    tree.property_u32("riscv,num-ids", messages)?;
    tree.property_array_u32("interrupts-extended", &external_interrupts(count))?;
    tree.property_phandle(MESSAGES_HANDLE)?;
    tree.end_node(node)
}

fn aplic(tree: &mut FdtWriter) -> Result<(), Error> {
    let node = tree.begin_node(&format!("interrupt-controller@{:x}", APLIC[0]))?;
    tree.property_string("compatible", "riscv,aplic")?;
    tree.property_array_u64("reg", &APLIC)?;
    tree.property_null("interrupt-controller")?;
    tree.property_u32("#interrupt-cells", 2)?;
    tree.property_u32("riscv,num-sources", SOURCES)?;
    tree.property_u32("msi-parent", MESSAGES_HANDLE)?;
    tree.property_phandle(HANDLE)?;
    tree.end_node(node)
}
