//! How Linux boots on riscv: its Image, the first registers, and the device tree.

use std::ops::Range;
use std::sync::Arc;

use onereg::riscv::{
    A0, A1, CONFIG_SATP_MODE, CONFIG_ZICBOM_BLOCK_SIZE, CONFIG_ZICBOP_BLOCK_SIZE,
    CONFIG_ZICBOZ_BLOCK_SIZE, ConfigSatpMode, Extension, MP_STATE, MpState, MpStateMpState, PC,
    SBI_EXT_EXPERIMENTAL, SBI_EXT_V01, SBI_EXT_VENDOR, TIMER_FREQUENCY,
};
use onereg::{Arch, Reg, Registers, Riscv, Ulong};
use vm_fdt::{Error, FdtWriter};

pub(crate) use super::super::image::Entry;
use super::super::image::Format;
use super::super::{devicetree, image};
use super::clock::{CLOCK, CLOCK_LINE, Clock};
use super::irqchip::FIRST_HART_HANDLE;
pub(crate) use super::irqchip::Irqchip;
use crate::failure::Failure;
use crate::machine::bus::Devices;
use crate::machine::loader::{Linux, Told};
use crate::machine::vcpu::Vcpu;
use crate::machine::virtio::Found;
use crate::machine::vm::Vm;
use crate::machine::wires::Wires;

/// Features of the vCPUs.
pub(crate) const FEATURES: &str = "all";

/// Input of the interrupt controller that the serial port is connected to.
pub(crate) const SERIAL_LINE: u32 = 1;

/// Inputs of virtio devices that are not behind PCI.
pub(crate) const VIRTIO_LINES: Range<u32> = 16..48;

/// Returns the number that KVM has for an input.
pub(crate) fn line(input: u32) -> u32 {
    input
}

/// The entropy source, whose reads KVM passes on to this program, and which it does not let a vCPU do without: the guest
/// is not told of it. Its seed is in the tree.
const UNTOLD: &str = "ZKR";

/// Its kernels.
const IMAGE: Format = Format { name: "Image of riscv", magic: *b"RSC\x05" };

/// Returns what devices reach the guest by.
pub(crate) fn wires(vm: &Vm, irqchip: &Irqchip) -> Arc<dyn Wires> {
    irqchip.wires(vm.wires())
}

/// Loads the kernel and what it needs.
pub(crate) fn load(
    vm: &Vm,
    vcpus: &[Vcpu],
    irqchip: &Irqchip,
    linux: &Linux<'_>,
    virtio: &Found,
) -> Result<Entry, Failure> {
    vcpus.iter().for_each(forgo_calls);
    let hart = match vcpus.first() {
        Some(vcpu) => Hart::of(vcpu)?,
        None => return Err(Failure::new("a machine without vCPUs boots nothing")),
    };
    image::load(vm.memory(), &IMAGE, linux, |told| {
        tree(vm, &hart, vcpus.len() as u32, irqchip, (told, virtio))
    })
}

/// Switches off the firmware calls that KVM would pass on to this program, which answers none. What an older host does
/// not have is off already.
fn forgo_calls(vcpu: &Vcpu) {
    for calls in [SBI_EXT_V01, SBI_EXT_EXPERIMENTAL, SBI_EXT_VENDOR] {
        let _ = vcpu.registers().set(calls, Extension::default());
    }
}

/// Points the first vCPU at the kernel; the others wait until it starts them through the SBI.
pub(crate) fn place(vcpus: &[Vcpu], entry: &Entry) -> Result<(), Failure> {
    for (index, vcpu) in vcpus.iter().enumerate() {
        let vcpu = vcpu.registers();
        match index {
            0 => vcpu.set_many([PC, A0, A1], [entry.kernel, 0, entry.tree].map(Ulong))?,
            _ => vcpu.set(MP_STATE, MpState::default().with_mp_state(MpStateMpState::STOPPED))?,
        }
    }
    Ok(())
}

/// Adds the devices that only this architecture has.
pub(crate) fn attach(devices: &mut Devices, irqchip: &Irqchip) {
    irqchip.attach(devices);
    devices.attach(CLOCK, Arc::new(Clock::default()));
}

/// What the tree says of every hart.
struct Hart {
    extensions: Vec<String>,
    mmu: &'static str,
    /// Sizes of the cache blocks that instructions work on, by the name of the property; 0 where there are none.
    blocks: [(&'static str, u64); 3],
    /// Ticks of its time in a second.
    frequency: u64,
}

impl Hart {
    fn of(vcpu: &Vcpu) -> Result<Hart, Failure> {
        let vcpu = vcpu.registers();
        let block = |register| vcpu.get(register).map_or(0, |Ulong(bytes)| bytes);
        let on = |register: Reg<Riscv, Ulong>| vcpu.get(register).is_ok_and(|Ulong(on)| on == 1);
        let extensions = Riscv::TABLE.registers.iter().filter_map(|info| {
            let name = info.name.strip_prefix("ISA_EXT_").filter(|name| *name != UNTOLD)?;
            on(Reg::from_info(info).ok()?).then(|| name.to_lowercase())
        });
        Ok(Hart {
            extensions: extensions.collect(),
            mmu: match vcpu.get(CONFIG_SATP_MODE)?.mode() {
                mode if mode == ConfigSatpMode::SV57 => "riscv,sv57",
                mode if mode == ConfigSatpMode::SV48 => "riscv,sv48",
                _ => "riscv,sv39",
            },
            blocks: [
                ("riscv,cbom-block-size", block(CONFIG_ZICBOM_BLOCK_SIZE)),
                ("riscv,cbop-block-size", block(CONFIG_ZICBOP_BLOCK_SIZE)),
                ("riscv,cboz-block-size", block(CONFIG_ZICBOZ_BLOCK_SIZE)),
            ],
            frequency: vcpu.get(TIMER_FREQUENCY)?,
        })
    }

    /// Spells the extensions as kernels before Linux 6.7 read them: letters in the manual's order, then names.
    fn isa(&self) -> String {
        const LETTERS: [&str; 9] = ["i", "m", "a", "f", "d", "c", "b", "v", "h"];
        let has = |letter: &&str| self.extensions.iter().any(|name| name == letter);
        let letters: String = LETTERS.into_iter().filter(has).collect();
        let names = self.extensions.iter().filter(|name| 1 < name.len());
        names.fold(format!("rv64{letters}"), |isa, name| format!("{isa}_{name}"))
    }
}

fn tree(
    vm: &Vm,
    hart: &Hart,
    count: u32,
    irqchip: &Irqchip,
    (told, virtio): (&Told<'_>, &Found),
) -> Result<Vec<u8>, Failure> {
    let parts = devicetree::Parts {
        interrupt: &|input| irqchip.interrupt(input),
        serial_input: SERIAL_LINE,
        messages: irqchip.messages(),
        rest: &|tree| {
            cpus(tree, hart, count)?;
            irqchip.describe(tree, count)?;
            clock(tree, irqchip)
        },
    };
    devicetree::write(vm.memory(), told, virtio, &parts)
}

fn cpus(tree: &mut FdtWriter, hart: &Hart, count: u32) -> Result<(), Error> {
    let node = tree.begin_node("cpus")?;
    tree.property_u32("#address-cells", 1)?;
    tree.property_u32("#size-cells", 0)?;
    // The property has 32 bits: no counter of time is as fast as 4 GHz.
    tree.property_u32("timebase-frequency", hart.frequency as u32)?;
    for index in 0..count {
        let cpu = tree.begin_node(&format!("cpu@{index:x}"))?;
        tree.property_string("device_type", "cpu")?;
        tree.property_string("compatible", "riscv")?;
        tree.property_u32("reg", index)?;
        tree.property_string("mmu-type", hart.mmu)?;
        tree.property_string("riscv,isa", &hart.isa())?;
        tree.property_string("riscv,isa-base", "rv64i")?;
        tree.property_string_list("riscv,isa-extensions", hart.extensions.clone())?;
        for (name, bytes) in hart.blocks.iter().filter(|(_, bytes)| 0 < *bytes) {
            tree.property_u32(name, *bytes as u32)?;
        }
        let controller = tree.begin_node("interrupt-controller")?;
        tree.property_string("compatible", "riscv,cpu-intc")?;
        tree.property_null("interrupt-controller")?;
        tree.property_u32("#interrupt-cells", 1)?;
        tree.property_phandle(FIRST_HART_HANDLE + index)?;
        tree.end_node(controller)?;
        tree.end_node(cpu)?;
    }
    tree.end_node(node)
}

fn clock(tree: &mut FdtWriter, irqchip: &Irqchip) -> Result<(), Error> {
    let node = tree.begin_node(&format!("rtc@{:x}", CLOCK.address))?;
    tree.property_string("compatible", "google,goldfish-rtc")?;
    tree.property_array_u64("reg", &[CLOCK.address, CLOCK.length])?;
    tree.property_array_u32("interrupts-extended", &irqchip.interrupt(CLOCK_LINE))?;
    tree.end_node(node)
}
