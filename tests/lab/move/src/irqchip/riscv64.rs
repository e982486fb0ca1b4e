//! State of the APLIC and of the IMSICs, in the order of a restore.

use kvm_bindings::{
    KVM_DEV_RISCV_AIA_CONFIG_IDS, KVM_DEV_RISCV_AIA_CONFIG_SRCS, KVM_DEV_RISCV_AIA_GRP_APLIC,
    KVM_DEV_RISCV_AIA_GRP_CONFIG, KVM_DEV_RISCV_AIA_GRP_IMSIC, KVM_DEV_RISCV_AIA_IMSIC_ISEL_BITS,
};
use kvm_ioctls::DeviceFd;

use super::arch::linux::Irqchip;
use super::attributes::Attribute;
use super::vcpu::Vcpu;
use super::vm::Vm;
use crate::failure::Failure;

/// Registers of the APLIC: a word for each source from 1 on, or a bit for each from 0 on.
const DOMAINCFG: u64 = 0;
const SOURCECFG: u64 = 4;
const SETIP: u64 = 0x1c00;
const SETIE: u64 = 0x1e00;
const TARGET: u64 = 0x3004;

/// Registers of an IMSIC; of those with a bit for each message, every second one is a half of the one before.
const EIDELIVERY: u64 = 0x70;
const EITHRESHOLD: u64 = 0x72;
const EIP: u64 = 0x80;
const EIE: u64 = 0xc0;

/// Reads the state.
pub(super) fn save(_vm: &Vm, irqchip: &Irqchip, vcpus: &[Vcpu]) -> Result<Vec<Attribute>, Failure> {
    let device = device(irqchip)?;
    let get = |group, number| Attribute::get(device, group, number);
    let count = |what: u32| get(KVM_DEV_RISCV_AIA_GRP_CONFIG, what.into());
    let sources = count(KVM_DEV_RISCV_AIA_CONFIG_SRCS)?.value;
    let messages = count(KVM_DEV_RISCV_AIA_CONFIG_IDS)?.value;
    let words = |register: u64| (register..).step_by(4).take(sources as usize);
    let bits = |register: u64| (register..=register + sources / 8).step_by(4);
    let registers = words(SOURCECFG).chain(words(TARGET)).chain(bits(SETIE)).chain(bits(SETIP));
    let mut saved = Vec::new();
    // What they are pending for is delivered when the APLIC is on.
    for register in registers.chain([DOMAINCFG]) {
        saved.push(get(KVM_DEV_RISCV_AIA_GRP_APLIC, register)?);
    }
    let halves = |register: u64| (register..=register + messages / 32).step_by(2);
    for vcpu in vcpus {
        let vcpu = u64::from(vcpu.index()) << KVM_DEV_RISCV_AIA_IMSIC_ISEL_BITS;
        for register in
            [EITHRESHOLD].into_iter().chain(halves(EIE)).chain(halves(EIP)).chain([EIDELIVERY])
        {
            saved.push(get(KVM_DEV_RISCV_AIA_GRP_IMSIC, vcpu | register)?);
        }
    }
    Ok(saved)
}

/// Gives new controllers the state that was saved.
pub(super) fn restore(_vm: &Vm, irqchip: &Irqchip, state: &[Attribute]) -> Result<(), Failure> {
    let device = device(irqchip)?;
    state.iter().try_for_each(|attribute| attribute.set(device))
}

/// Returns the device that has the state.
fn device(irqchip: &Irqchip) -> Result<&DeviceFd, Failure> {
    match irqchip {
        Irqchip::Aia(aia) => Ok(&aia.device.fd),
        Irqchip::Plic(_) => {
            Err(Failure::new("a guest with a PLIC is not moved: the host needs an AIA"))
        }
    }
}
