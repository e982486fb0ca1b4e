//! State of the GIC and of its ITS, in the order of a restore.

use kvm_bindings::{
    KVM_DEV_ARM_ITS_RESTORE_TABLES, KVM_DEV_ARM_ITS_SAVE_TABLES, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS,
    KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, KVM_DEV_ARM_VGIC_GRP_ITS_REGS,
    KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, KVM_DEV_ARM_VGIC_GRP_NR_IRQS,
    KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES,
};
use kvm_ioctls::DeviceFd;
use onereg::Registers;
use onereg::arm64::MPIDR_EL1;

use super::arch::linux::Irqchip;
use super::attributes::Attribute;
use super::vcpu::Vcpu;
use super::vm::Vm;
use crate::failure::Failure;

/// First of the interrupts that vCPUs share.
const FIRST_SHARED: u64 = 32;

/// Registers of interrupts: in the distributor and, behind `PRIVATE`, in a redistributor.
const IGROUPR: u64 = 0x80;
const ISENABLER: u64 = 0x100;
const ICENABLER: u64 = 0x180;
const ISPENDR: u64 = 0x200;
const ISACTIVER: u64 = 0x300;
const IPRIORITYR: u64 = 0x400;
const ICFGR: u64 = 0xc00;
const PRIVATE: u64 = 0x1_0000;

/// Registers of the distributor alone.
const GICD_CTLR: u64 = 0;
const GICD_IIDR: u64 = 8;
const GICD_IROUTER: u64 = 0x6000;

/// Registers of a redistributor alone.
const GICR_CTLR: u64 = 0;
const GICR_WAKER: u64 = 0x14;
const GICR_PROPBASER: u64 = 0x70;
const GICR_PENDBASER: u64 = 0x78;

/// Registers of the ITS.
const GITS_CTLR: u64 = 0;
const GITS_IIDR: u64 = 4;
const GITS_CBASER: u64 = 0x80;
const GITS_CWRITER: u64 = 0x88;
const GITS_CREADR: u64 = 0x90;
const GITS_BASER: u64 = 0x100;
const GITS_BASERS: u64 = 8;

/// Registers of a CPU's interface.
const ICC_PMR_EL1: u64 = icc(4, 6, 0);
const ICC_BPR0_EL1: u64 = icc(12, 8, 3);
const ICC_AP0R_EL1: u64 = icc(12, 8, 4);
const ICC_AP1R_EL1: u64 = icc(12, 9, 0);
const ICC_BPR1_EL1: u64 = icc(12, 12, 3);
const ICC_CTLR_EL1: u64 = icc(12, 12, 4);
const ICC_SRE_EL1: u64 = icc(12, 12, 5);
const ICC_IGRPEN0_EL1: u64 = icc(12, 12, 6);
const ICC_IGRPEN1_EL1: u64 = icc(12, 12, 7);

/// Encodes a system register.
const fn icc(crn: u64, crm: u64, op2: u64) -> u64 {
    3 << 14 | crn << 7 | crm << 3 | op2
}

/// The attributes of both devices.
pub(super) struct State {
    gic: Vec<Attribute>,
    its: Vec<Attribute>,
}

/// Reads the state; what the ITS keeps in the guest's memory, it writes there.
pub(super) fn save(_vm: &Vm, irqchip: &Irqchip, vcpus: &[Vcpu]) -> Result<State, Failure> {
    let device = &irqchip.gic.fd;
    let mut gic = Vec::new();
    save_distributor(device, &mut gic)?;
    for vcpu in vcpus {
        let affinity = vcpu.registers().get(MPIDR_EL1)?;
        let levels = [affinity.aff3(), affinity.aff2(), affinity.aff1(), affinity.aff0()];
        let vcpu = levels.into_iter().fold(0, |vcpu, level| vcpu << 8 | u64::from(level)) << 32;
        save_redistributor(device, vcpu, &mut gic)?;
        save_interface(device, vcpu, &mut gic)?;
    }
    let mut its = Vec::new();
    if let Some(device) = &irqchip.its {
        act(&irqchip.gic.fd, KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES)?;
        act(&device.fd, KVM_DEV_ARM_ITS_SAVE_TABLES)?;
        // Where the commands are is first: it sets back what has been read of them. The control is last.
        let tables = (0..GITS_BASERS).map(|index| GITS_BASER + 8 * index);
        let commands = [GITS_CBASER, GITS_CREADR, GITS_CWRITER, GITS_IIDR];
        let registers = commands.into_iter().chain(tables).chain([GITS_CTLR]);
        get(&device.fd, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, 0, registers, &mut its)?;
    }
    Ok(State { gic, its })
}

/// Gives new devices the state that was saved; the vCPUs have theirs already.
pub(super) fn restore(_vm: &Vm, irqchip: &Irqchip, state: &State) -> Result<(), Failure> {
    state.gic.iter().try_for_each(|attribute| attribute.set(&irqchip.gic.fd))?;
    if let (Some(device), Some((control, registers))) = (&irqchip.its, state.its.split_last()) {
        registers.iter().try_for_each(|attribute| attribute.set(&device.fd))?;
        act(&device.fd, KVM_DEV_ARM_ITS_RESTORE_TABLES)?;
        control.set(&device.fd)?;
    }
    Ok(())
}

fn save_distributor(gic: &DeviceFd, saved: &mut Vec<Attribute>) -> Result<(), Failure> {
    let end = Attribute::get(gic, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0)?.value;
    let words = |register: u64, bits: u64| {
        (register + FIRST_SHARED * bits / 8..register + end * bits / 8).step_by(4)
    };
    let group = KVM_DEV_ARM_VGIC_GRP_DIST_REGS;
    let first = [GICD_IIDR, GICD_CTLR].into_iter().chain(words(IGROUPR, 1));
    let first = first.chain(words(ISENABLER, 1)).chain(words(GICD_IROUTER, 64));
    get(gic, group, 0, first.chain(words(ICFGR, 2)), saved)?;
    get(gic, KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, 0, (FIRST_SHARED..end).step_by(32), saved)?;
    let last = words(ISPENDR, 1).chain(words(ISACTIVER, 1)).chain(words(IPRIORITYR, 8));
    get(gic, group, 0, last, saved)
}

fn save_redistributor(
    gic: &DeviceFd,
    vcpu: u64,
    saved: &mut Vec<Attribute>,
) -> Result<(), Failure> {
    let group = KVM_DEV_ARM_VGIC_GRP_REDIST_REGS;
    // The tables come before the control, which has them used.
    let tables = [GICR_PROPBASER, GICR_PENDBASER].into_iter().flat_map(|table| [table, table + 4]);
    get(gic, group, vcpu, tables.chain([GICR_CTLR, GICR_WAKER, PRIVATE + IGROUPR]), saved)?;
    let enabled = Attribute::get(gic, group, vcpu | PRIVATE + ISENABLER)?;
    // Some are enabled from the start.
    let number = vcpu | PRIVATE + ICENABLER;
    saved.extend([Attribute { number, value: !enabled.value, ..enabled }, enabled]);
    get(gic, group, vcpu, [PRIVATE + ICFGR + 4], saved)?;
    get(gic, KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, vcpu, [0], saved)?;
    let priorities = (IPRIORITYR..IPRIORITYR + FIRST_SHARED).step_by(4);
    let last = [ISPENDR, ISACTIVER].into_iter().chain(priorities);
    get(gic, group, vcpu, last.map(|register| PRIVATE + register), saved)
}

fn save_interface(gic: &DeviceFd, vcpu: u64, saved: &mut Vec<Attribute>) -> Result<(), Failure> {
    let group = KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS;
    let registers = [ICC_SRE_EL1, ICC_CTLR_EL1, ICC_IGRPEN0_EL1, ICC_IGRPEN1_EL1, ICC_PMR_EL1];
    get(gic, group, vcpu, registers.into_iter().chain([ICC_BPR0_EL1, ICC_BPR1_EL1]), saved)?;
    // 32 priorities have a register, and there are as many as their bits say.
    let bits = (Attribute::get(gic, group, vcpu | ICC_CTLR_EL1)?.value >> 8 & 7) + 1;
    let count = 1 << bits.saturating_sub(5);
    let active = [ICC_AP0R_EL1, ICC_AP1R_EL1];
    get(gic, group, vcpu, active.into_iter().flat_map(|first| first..first + count), saved)
}

/// Reads attributes of a vCPU, or of none.
fn get(
    device: &DeviceFd,
    group: u32,
    vcpu: u64,
    numbers: impl IntoIterator<Item = u64>,
    saved: &mut Vec<Attribute>,
) -> Result<(), Failure> {
    for number in numbers {
        saved.push(Attribute::get(device, group, vcpu | number)?);
    }
    Ok(())
}

/// Has a device do something with its tables in memory.
fn act(device: &DeviceFd, what: u32) -> Result<(), Failure> {
    Attribute { group: KVM_DEV_ARM_VGIC_GRP_CTRL, number: what.into(), value: 0 }.set(device)
}
