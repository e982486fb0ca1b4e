//! How Linux boots on x86: its kernel, what it is told, and the first registers.

use std::ops::Range;
use std::sync::Arc;

use kvm_bindings::{CpuId, KVM_MAX_CPUID_ENTRIES};
use linux_loader::configurator::linux::LinuxBootConfigurator;
use linux_loader::configurator::pvh::PvhBootConfigurator;
use linux_loader::configurator::{BootConfigurator, BootParams};
use linux_loader::loader::bootparam::{boot_e820_entry, boot_params};
use linux_loader::loader::elf::start_info::{
    XEN_HVM_START_MAGIC_VALUE, hvm_memmap_table_entry, hvm_modlist_entry, hvm_start_info,
};
use vm_memory::{
    Address, Bytes, GuestAddress, GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion,
};

use super::clock::{CLOCK, Clock};
pub(crate) use super::irqchip::Irqchip;
use super::kernel::{self, HIGH_MEMORY, Kernel, Start};
use super::power::{KEYBOARD, Keyboard, POWER, Power, RESET_CODE, RESET_VECTOR};
use super::{acpi, cpuid, mode};
use crate::failure::Failure;
use crate::machine::bus::Devices;
use crate::machine::loader::{self, Linux, Told};
use crate::machine::vcpu::Vcpu;
use crate::machine::virtio::Found;
use crate::machine::vm::{Vm, describe};
use crate::machine::wires::Wires;

/// Features of the vCPUs.
pub(crate) const FEATURES: &str = "all";

/// Input of the IO-APIC that the serial port is connected to.
pub(crate) const SERIAL_LINE: u32 = 4;

/// Inputs of virtio devices that are not behind PCI.
pub(crate) const VIRTIO_LINES: Range<u32> = 10..24;

/// Returns the number that KVM has for an input.
pub(crate) fn line(input: u32) -> u32 {
    input
}

/// First byte behind the memory that a BIOS leaves below that.
const LOW_MEMORY_END: u64 = 0x9_fc00;

/// What the kernel is told, in low memory.
const START_INFO: u64 = 0x6000;
const MODULES: u64 = 0x6100;
const MEMORY_MAP: u64 = 0x6200;
const BOOT_PARAMS: u64 = 0x7000;
const CMDLINE: u64 = 0x2_0000;

/// Kind of usable memory, in both ways to tell of it.
const RAM: u32 = 1;

/// Number of a loader that has none.
const UNKNOWN_LOADER: u8 = 0xff;

/// Where the first vCPU starts.
pub(crate) struct Entry {
    start: Start,
}

/// Returns what devices reach the guest by.
pub(crate) fn wires(vm: &Vm, _irqchip: &Irqchip) -> Arc<dyn Wires> {
    Arc::new(vm.wires())
}

/// Loads the kernel and what it needs.
pub(crate) fn load(
    vm: &Vm,
    vcpus: &[Vcpu],
    _irqchip: &Irqchip,
    linux: &Linux<'_>,
    virtio: &Found,
) -> Result<Entry, Failure> {
    let memory = vm.memory();
    let low_end = memory.iter().next().map_or(0, |region| region.last_addr().raw_value() + 1);
    let kernel = kernel::load(memory, low_end, linux)?;
    loader::check_cmdline(linux.cmdline, kernel.header.cmdline_size as usize + 1)?;
    let highest = u64::from(kernel.header.initrd_addr_max).saturating_add(1);
    let initrd = loader::initrd(memory, linux, kernel.end..low_end.min(highest))?;
    let told = Told { cmdline: linux.cmdline, initrd };
    mode::write_tables(memory)
        .and_then(|()| memory.write_slice(told.cmdline.as_bytes(), GuestAddress(CMDLINE)))
        .and_then(|()| memory.write_slice(&RESET_CODE, GuestAddress(RESET_VECTOR)))
        .map_err(|error| Failure::new(format!("cannot write to the guest's memory: {error}")))?;
    let written = match kernel.start {
        Start::Linux(_) => write_boot_params(memory, &kernel, &told),
        Start::Pvh(_) => write_start_info(memory, &told),
    };
    written
        .map_err(|error| Failure::new(format!("cannot tell the kernel of its machine: {error}")))?;
    acpi::write(memory, vcpus.len() as u8, virtio)?;
    Ok(Entry { start: kernel.start })
}

/// Lists the memory that the kernel may use: start and size.
fn usable(memory: &GuestMemoryMmap) -> Vec<(u64, u64)> {
    let mut usable = vec![(0, LOW_MEMORY_END)];
    for region in memory.iter() {
        let start = region.start_addr().raw_value().max(HIGH_MEMORY);
        usable.push((start, region.last_addr().raw_value() + 1 - start));
    }
    usable
}

fn write_boot_params(
    memory: &GuestMemoryMmap,
    kernel: &Kernel,
    told: &Told<'_>,
) -> Result<(), linux_loader::configurator::Error> {
    let mut params = boot_params { hdr: kernel.header, ..Default::default() };
    params.hdr.type_of_loader = UNKNOWN_LOADER;
    params.hdr.cmd_line_ptr = CMDLINE as u32;
    params.acpi_rsdp_addr = acpi::TABLES;
    if let Some(initrd) = &told.initrd {
        params.hdr.ramdisk_image = initrd.start as u32;
        params.hdr.ramdisk_size = (initrd.end - initrd.start) as u32;
    }
    let entry = |(addr, size)| boot_e820_entry { addr, size, r#type: RAM };
    let map: Vec<_> = usable(memory).into_iter().map(entry).collect();
    for (slot, entry) in params.e820_table.iter_mut().zip(&map) {
        *slot = *entry;
    }
    params.e820_entries = map.len() as u8;
    let params = BootParams::new(&params, GuestAddress(BOOT_PARAMS));
    LinuxBootConfigurator::write_bootparams(&params, memory)
}

fn write_start_info(
    memory: &GuestMemoryMmap,
    told: &Told<'_>,
) -> Result<(), linux_loader::configurator::Error> {
    let entry = |(addr, size)| hvm_memmap_table_entry { addr, size, type_: RAM, reserved: 0 };
    let map: Vec<_> = usable(memory).into_iter().map(entry).collect();
    let mut info = hvm_start_info {
        magic: XEN_HVM_START_MAGIC_VALUE,
        version: 1,
        cmdline_paddr: CMDLINE,
        rsdp_paddr: acpi::TABLES,
        memmap_paddr: MEMORY_MAP,
        memmap_entries: map.len() as u32,
        ..Default::default()
    };
    let module = told.initrd.as_ref().map(|initrd| hvm_modlist_entry {
        paddr: initrd.start,
        size: initrd.end - initrd.start,
        ..Default::default()
    });
    if module.is_some() {
        info.nr_modules = 1;
        info.modlist_paddr = MODULES;
    }
    let mut params = BootParams::new(&info, GuestAddress(START_INFO));
    params.set_sections(&map, GuestAddress(MEMORY_MAP));
    if let Some(module) = module {
        params.set_modules(&[module], GuestAddress(MODULES));
    }
    PvhBootConfigurator::write_bootparams(&params, memory)
}

/// Gives every vCPU its CPUID and reset state, and points the first one at the kernel, which starts the others.
pub(crate) fn place(vcpus: &[Vcpu], entry: &Entry) -> Result<(), Failure> {
    for (index, vcpu) in (0..).zip(vcpus) {
        identify(vcpu, index, vcpus.len() as u32)?;
        mode::reset(vcpu)?;
    }
    match (vcpus.first(), entry.start) {
        (Some(first), Start::Linux(address)) => mode::enter_64_bit(first, address, BOOT_PARAMS),
        (Some(first), Start::Pvh(address)) => mode::enter_32_bit(first, address, START_INFO),
        (None, _) => Ok(()),
    }
}

/// Sets the CPUID of a vCPU.
fn identify(vcpu: &Vcpu, index: u32, count: u32) -> Result<(), Failure> {
    let fail = |error| Failure::new(format!("cannot set the CPUID of a vCPU: {}", describe(error)));
    let supported = vcpu.fd().get_cpuid2(KVM_MAX_CPUID_ENTRIES).map_err(fail)?;
    let entries = cpuid::of_vcpu(supported.as_slice(), index, count);
    let cpuid = CpuId::from_entries(&entries)
        .map_err(|error| Failure::new(format!("cannot list the CPUID of a vCPU: {error:?}")))?;
    vcpu.fd().set_cpuid2(&cpuid).map_err(fail)
}

/// Adds what the ACPI tables describe beside the serial port, and what restarts a PC.
pub(crate) fn attach(devices: &mut Devices, _irqchip: &Irqchip) {
    devices.attach(CLOCK, Arc::new(Clock::default()));
    devices.attach(KEYBOARD, Arc::new(Keyboard));
    devices.attach(POWER, Arc::new(Power));
}
