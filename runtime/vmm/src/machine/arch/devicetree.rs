//! The device tree: what it says on arm64 and riscv alike.

use vm_fdt::{Error, FdtWriter};
use vm_memory::{Address, GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion};

use super::SERIAL;
use crate::failure::Failure;
use crate::machine::bus::Slot;
use crate::machine::loader::Told;
use crate::machine::pci::Space;
use crate::machine::virtio::Found;

/// What the architecture adds.
pub(super) struct Parts<'a> {
    /// Names an input of the controller that the devices' interrupts go to: its handle and cells.
    pub(super) interrupt: &'a dyn Fn(u32) -> Vec<u32>,
    /// Input of the serial port.
    pub(super) serial_input: u32,
    /// Where PCI's messages go: a property and its value. Without, its devices have inputs.
    pub(super) messages: Option<(&'a str, &'a [u32])>,
    /// Writes the CPUs, their timers and the interrupt controllers.
    pub(super) rest: &'a dyn Fn(&mut FdtWriter) -> Result<(), Error>,
}

/// Describes a machine.
pub(super) fn write(
    memory: &GuestMemoryMmap,
    told: &Told<'_>,
    virtio: &Found,
    parts: &Parts<'_>,
) -> Result<Vec<u8>, Failure> {
    let mut seed = [0; 40];
    getrandom::fill(&mut seed)
        .map_err(|error| Failure::new(format!("the host has no seed for the guest: {error}")))?;
    tree(memory, told, virtio, parts, &seed)
        .map_err(|error| Failure::new(format!("cannot make the device tree: {error}")))
}

fn tree(
    memory: &GuestMemoryMmap,
    told: &Told<'_>,
    virtio: &Found,
    parts: &Parts<'_>,
    seed: &[u8],
) -> Result<Vec<u8>, Error> {
    let mut tree = FdtWriter::new()?;
    let root = tree.begin_node("")?;
    tree.property_string("compatible", "linux,dummy-virt")?;
    tree.property_string("model", "onereg-vmm")?;
    tree.property_u32("#address-cells", 2)?;
    tree.property_u32("#size-cells", 2)?;
    chosen(&mut tree, told, seed)?;
    for region in memory.iter() {
        let start = region.start_addr().raw_value();
        let node = tree.begin_node(&format!("memory@{start:x}"))?;
        tree.property_string("device_type", "memory")?;
        tree.property_array_u64("reg", &[start, region.len()])?;
        tree.end_node(node)?;
    }
    (parts.rest)(&mut tree)?;
    serial(&mut tree, parts)?;
    match virtio {
        Found::Pci { space, interrupts } => pci_host(&mut tree, space, interrupts, parts)?,
        Found::Mmio(devices) => {
            for (slot, input) in devices {
                virtio_mmio(&mut tree, *slot, &(parts.interrupt)(*input))?;
            }
        }
    }
    tree.end_node(root)?;
    tree.finish()
}

/// What the kernel is told by whoever loads it.
fn chosen(tree: &mut FdtWriter, told: &Told<'_>, seed: &[u8]) -> Result<(), Error> {
    let (kaslr, rng) = seed.split_at(8);
    let node = tree.begin_node("chosen")?;
    tree.property_string("bootargs", told.cmdline)?;
    tree.property_string("stdout-path", &format!("/serial@{:x}", SERIAL.address))?;
    tree.property("kaslr-seed", kaslr)?;
    tree.property("rng-seed", rng)?;
    if let Some(initrd) = &told.initrd {
        tree.property_u64("linux,initrd-start", initrd.start)?;
        tree.property_u64("linux,initrd-end", initrd.end)?;
    }
    tree.end_node(node)
}

fn serial(tree: &mut FdtWriter, parts: &Parts<'_>) -> Result<(), Error> {
    let node = tree.begin_node(&format!("serial@{:x}", SERIAL.address))?;
    tree.property_string("compatible", "ns16550a")?;
    tree.property_array_u64("reg", &[SERIAL.address, SERIAL.length])?;
    tree.property_array_u32("interrupts-extended", &(parts.interrupt)(parts.serial_input))?;
    tree.property_u32("clock-frequency", 1_843_200)?;
    tree.end_node(node)
}

fn pci_host(
    tree: &mut FdtWriter,
    space: &Space,
    interrupts: &[u32],
    parts: &Parts<'_>,
) -> Result<(), Error> {
    /// Marks a range of memory with addresses of 32 bits.
    const MEMORY: u32 = 0x0200_0000;
    let Space { configuration, window } = space;
    let halves = |value: u64| [(value >> 32) as u32, value as u32];
    let [high, low] = halves(window.address);
    let [size_high, size_low] = halves(window.length);
    let node = tree.begin_node(&format!("pcie@{:x}", configuration.address))?;
    tree.property_string("compatible", "pci-host-ecam-generic")?;
    tree.property_string("device_type", "pci")?;
    tree.property_u32("#address-cells", 3)?;
    tree.property_u32("#size-cells", 2)?;
    tree.property_array_u64("reg", &[configuration.address, configuration.length])?;
    tree.property_array_u32("bus-range", &[0, 0])?;
    // The addresses on the bus are those of memory.
    tree.property_array_u32("ranges", &[MEMORY, high, low, high, low, size_high, size_low])?;
    match parts.messages {
        Some((property, value)) => tree.property_array_u32(property, value)?,
        None => interrupt_map(tree, interrupts, parts)?,
    }
    tree.property_null("dma-coherent")?;
    tree.end_node(node)
}

/// Which input the first pin of every device of the bus is connected to. Their controller has no addresses.
fn interrupt_map(tree: &mut FdtWriter, interrupts: &[u32], parts: &Parts<'_>) -> Result<(), Error> {
    const DEVICE: u32 = 0x1f << 11;
    const PIN: u32 = 7;
    const PIN_A: u32 = 1;
    let entry = |(device, input): (u32, &u32)| {
        let pin = [device << 11, 0, 0, PIN_A];
        [&pin[..], &(parts.interrupt)(*input)].concat()
    };
    let map: Vec<u32> = (0..).zip(interrupts).flat_map(entry).collect();
    tree.property_u32("#interrupt-cells", 1)?;
    tree.property_array_u32("interrupt-map-mask", &[DEVICE, 0, 0, PIN])?;
    tree.property_array_u32("interrupt-map", &map)
}

fn virtio_mmio(tree: &mut FdtWriter, slot: Slot, interrupt: &[u32]) -> Result<(), Error> {
    let node = tree.begin_node(&format!("virtio_mmio@{:x}", slot.address))?;
    tree.property_string("compatible", "virtio,mmio")?;
    tree.property_array_u64("reg", &[slot.address, slot.length])?;
    tree.property_array_u32("interrupts-extended", interrupt)?;
    tree.property_null("dma-coherent")?;
    tree.end_node(node)
}
