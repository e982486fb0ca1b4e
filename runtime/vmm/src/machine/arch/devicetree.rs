//! The device tree: what it says on arm64 and riscv alike.

use std::fs::File;
use std::io::Read;

use vm_fdt::{Error, FdtWriter};
use vm_memory::{Address, GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion};

use super::SERIAL;
use crate::failure::Failure;
use crate::machine::linux::Told;

/// What the architecture adds.
pub(super) struct Parts<'a> {
    /// Handle of the controller that the devices' interrupts go to.
    pub(super) interrupt_parent: u32,
    /// Interrupt of the serial port, as that controller wants it.
    pub(super) serial_interrupt: &'a [u32],
    /// Writes the CPUs, their timers and the interrupt controllers.
    pub(super) rest: &'a dyn Fn(&mut FdtWriter) -> Result<(), Error>,
}

/// Describes a machine.
pub(super) fn write(
    memory: &GuestMemoryMmap,
    told: &Told<'_>,
    parts: &Parts<'_>,
) -> Result<Vec<u8>, Failure> {
    let mut seed = [0; 40];
    File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut seed)).map_err(
        |error| Failure::new(format!("cannot read the guest's seed from /dev/urandom: {error}")),
    )?;
    tree(memory, told, parts, &seed)
        .map_err(|error| Failure::new(format!("cannot make the device tree: {error}")))
}

fn tree(
    memory: &GuestMemoryMmap,
    told: &Told<'_>,
    parts: &Parts<'_>,
    seed: &[u8],
) -> Result<Vec<u8>, Error> {
    let mut tree = FdtWriter::new()?;
    let root = tree.begin_node("")?;
    tree.property_string("compatible", "linux,dummy-virt")?;
    tree.property_string("model", "onereg-vmm")?;
    tree.property_u32("#address-cells", 2)?;
    tree.property_u32("#size-cells", 2)?;
    tree.property_u32("interrupt-parent", parts.interrupt_parent)?;
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
    tree.property_array_u32("interrupts", parts.serial_interrupt)?;
    tree.property_u32("clock-frequency", 1_843_200)?;
    tree.end_node(node)
}
