//! How Linux boots on arm64: its Image, the first registers, and the device tree.

use std::ops::Range;
use std::sync::Arc;

use kvm_bindings::{KVM_ARM_IRQ_TYPE_SHIFT, KVM_ARM_IRQ_TYPE_SPI};
use onereg::Registers;
use onereg::arm64::{MP_STATE, MPIDR_EL1, MpState, MpStateMpState, MpidrEl1, PC, X};
use vm_fdt::{Error, FdtWriter};

pub(crate) use super::super::image::Entry;
use super::super::image::Format;
use super::super::{devicetree, image};
use super::clock::{CLOCK, Clock};
pub(crate) use super::irqchip::Irqchip;
use super::irqchip::{COUNTERS, DISTRIBUTOR, ITS};
use crate::failure::Failure;
use crate::machine::bus::Devices;
use crate::machine::loader::{Linux, Told};
use crate::machine::vcpu::Vcpu;
use crate::machine::virtio::Found;
use crate::machine::vm::Vm;
use crate::machine::wires::Wires;

/// Features of the vCPUs.
pub(crate) const FEATURES: &str = "all";

/// Input of the interrupt controller that the serial port is connected to: the first of the shared ones.
pub(crate) const SERIAL_LINE: u32 = line(SERIAL_INTERRUPT);
const SERIAL_INTERRUPT: u32 = 0;
const FIRST_SHARED: u32 = 32;

/// Shared inputs of virtio devices that are not behind PCI.
pub(crate) const VIRTIO_LINES: Range<u32> = 16..48;

/// Returns the number that KVM has for a shared input.
pub(crate) const fn line(input: u32) -> u32 {
    KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT | FIRST_SHARED + input
}

/// Handles of nodes that others refer to.
const GIC_HANDLE: u32 = 1;
const ITS_HANDLE: u32 = 2;
const BUS_CLOCK_HANDLE: u32 = 3;

/// Kinds of interrupts, and how they are signalled, in a GIC's cells.
const SHARED: u32 = 0;
const PRIVATE: u32 = 1;
const EDGE_RISING: u32 = 1;
const LEVEL_HIGH: u32 = 4;

/// Its kernels.
const IMAGE: Format = Format { name: "Image of arm64", magic: *b"ARM\x64" };

/// Returns what devices reach the guest by.
pub(crate) fn wires(vm: &Vm, _irqchip: &Irqchip) -> Arc<dyn Wires> {
    Arc::new(vm.wires())
}

/// Loads the kernel and what it needs.
pub(crate) fn load(
    vm: &Vm,
    vcpus: &[Vcpu],
    irqchip: &Irqchip,
    linux: &Linux<'_>,
    virtio: &Found,
) -> Result<Entry, Failure> {
    let affinity = |vcpu: &Vcpu| vcpu.registers().get(MPIDR_EL1);
    let affinities = vcpus.iter().map(affinity).collect::<Result<Vec<_>, _>>()?;
    image::load(vm.memory(), &IMAGE, linux, |told| tree(vm, &affinities, irqchip, (told, virtio)))
}

/// Points the first vCPU at the kernel; the others wait until it starts them through PSCI.
pub(crate) fn place(vcpus: &[Vcpu], entry: &Entry) -> Result<(), Failure> {
    for (index, vcpu) in vcpus.iter().enumerate() {
        let vcpu = vcpu.registers();
        match index {
            0 => vcpu.set_many((PC, X[0]), (entry.kernel, entry.tree))?,
            _ => vcpu.set(MP_STATE, MpState::default().with_mp_state(MpStateMpState::STOPPED))?,
        }
    }
    Ok(())
}

/// Adds what the tree describes beside the serial port.
pub(crate) fn attach(devices: &mut Devices, _irqchip: &Irqchip) {
    devices.attach(CLOCK, Arc::new(Clock::default()));
}

fn tree(
    vm: &Vm,
    affinities: &[MpidrEl1],
    irqchip: &Irqchip,
    (told, virtio): (&Told<'_>, &Found),
) -> Result<Vec<u8>, Failure> {
    let parts = devicetree::Parts {
        interrupt: &|input| vec![GIC_HANDLE, SHARED, input, EDGE_RISING],
        serial_input: SERIAL_INTERRUPT,
        // Every sender has a number of its own, from 0 on.
        messages: Some(("msi-map", &[0, ITS_HANDLE, 0, 0x1_0000])),
        rest: &|tree| {
            cpus(tree, affinities)?;
            psci(tree)?;
            timer(tree)?;
            if irqchip.has_counters {
                counters(tree)?;
            }
            clock(tree)?;
            gic(tree, irqchip)
        },
    };
    devicetree::write(vm.memory(), told, virtio, &parts)
}

fn cpus(tree: &mut FdtWriter, affinities: &[MpidrEl1]) -> Result<(), Error> {
    let node = tree.begin_node("cpus")?;
    tree.property_u32("#address-cells", 2)?;
    tree.property_u32("#size-cells", 0)?;
    for affinity in affinities {
        let level_3 = u64::from(affinity.aff3());
        let levels = [affinity.aff2(), affinity.aff1(), affinity.aff0()];
        let lower = levels.into_iter().fold(0, |levels, level| levels << 8 | u64::from(level));
        let reg = level_3 << 32 | lower;
        let cpu = tree.begin_node(&format!("cpu@{reg:x}"))?;
        tree.property_string("device_type", "cpu")?;
        tree.property_string("compatible", "arm,armv8")?;
        tree.property_string("enable-method", "psci")?;
        tree.property_u64("reg", reg)?;
        tree.end_node(cpu)?;
    }
    tree.end_node(node)
}

fn psci(tree: &mut FdtWriter) -> Result<(), Error> {
    let node = tree.begin_node("psci")?;
    let versions = ["arm,psci-1.0", "arm,psci-0.2"].map(ToOwned::to_owned);
    tree.property_string_list("compatible", versions.to_vec())?;
    tree.property_string("method", "hvc")?;
    tree.end_node(node)
}

/// The timers: of the secure world, of EL1, virtual, of EL2.
fn timer(tree: &mut FdtWriter) -> Result<(), Error> {
    let node = tree.begin_node("timer")?;
    tree.property_string("compatible", "arm,armv8-timer")?;
    let interrupts = [13, 14, 11, 10].map(|number| [GIC_HANDLE, PRIVATE, number, LEVEL_HIGH]);
    tree.property_array_u32("interrupts-extended", interrupts.as_flattened())?;
    tree.property_null("always-on")?;
    tree.end_node(node)
}

fn counters(tree: &mut FdtWriter) -> Result<(), Error> {
    let node = tree.begin_node("pmu")?;
    tree.property_string("compatible", "arm,armv8-pmuv3")?;
    let interrupt = [GIC_HANDLE, PRIVATE, COUNTERS, LEVEL_HIGH];
    tree.property_array_u32("interrupts-extended", &interrupt)?;
    tree.end_node(node)
}

/// The real-time clock; its driver wants to know what drives its bus.
fn clock(tree: &mut FdtWriter) -> Result<(), Error> {
    let node = tree.begin_node("apb-pclk")?;
    tree.property_string("compatible", "fixed-clock")?;
    tree.property_u32("#clock-cells", 0)?;
    tree.property_u32("clock-frequency", 24_000_000)?;
    tree.property_phandle(BUS_CLOCK_HANDLE)?;
    tree.end_node(node)?;
    let node = tree.begin_node(&format!("rtc@{:x}", CLOCK.address))?;
    let kinds = ["arm,pl031", "arm,primecell"].map(ToOwned::to_owned);
    tree.property_string_list("compatible", kinds.to_vec())?;
    tree.property_array_u64("reg", &[CLOCK.address, CLOCK.length])?;
    tree.property_u32("clocks", BUS_CLOCK_HANDLE)?;
    tree.property_string("clock-names", "apb_pclk")?;
    tree.end_node(node)
}

fn gic(tree: &mut FdtWriter, irqchip: &Irqchip) -> Result<(), Error> {
    let node = tree.begin_node(&format!("interrupt-controller@{:x}", DISTRIBUTOR[0]))?;
    tree.property_string("compatible", "arm,gic-v3")?;
    tree.property_null("interrupt-controller")?;
    tree.property_u32("#interrupt-cells", 3)?;
    tree.property_phandle(GIC_HANDLE)?;
    tree.property_array_u64("reg", [DISTRIBUTOR, irqchip.redistributors].as_flattened())?;
    tree.property_u32("#address-cells", 2)?;
    tree.property_u32("#size-cells", 2)?;
    tree.property_null("ranges")?;
    if irqchip.has_its() {
        let its = tree.begin_node(&format!("msi-controller@{:x}", ITS[0]))?;
        tree.property_string("compatible", "arm,gic-v3-its")?;
        tree.property_null("msi-controller")?;
        tree.property_u32("#msi-cells", 1)?;
        tree.property_phandle(ITS_HANDLE)?;
        tree.property_array_u64("reg", &ITS)?;
        tree.end_node(its)?;
    }
    tree.end_node(node)
}
