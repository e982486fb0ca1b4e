//! The ACPI tables: CPUs, interrupt controllers, the serial port, the clock, and how to switch the machine off.

use acpi_tables::Aml;
use acpi_tables::aml::{
    AddressSpace, AddressSpaceCacheable, Device, EISAName, IO, Interrupt, Memory32Fixed, Name,
    Package, ResourceTemplate, Scope, ZERO,
};
use acpi_tables::fadt::{FADTBuilder, Flags};
use acpi_tables::gas::{self, AccessSize, GAS};
use acpi_tables::madt::{
    EnabledStatus, IoApic, LocalInterruptController, MADT, ProcessorLocalApic,
};
use acpi_tables::mcfg::MCFG;
use acpi_tables::rsdp::Rsdp;
use acpi_tables::sdt::Sdt;
use acpi_tables::xsdt::XSDT;
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

use super::SERIAL;
use super::clock::CLOCK;
use super::irqchip::{IO_APIC, LOCAL_APIC};
use super::linux::SERIAL_LINE;
use super::power::{OFF, POWER, RESET, RESET_VALUE, SLEEP_CONTROL, SLEEP_STATUS};
use crate::failure::Failure;
use crate::machine::bus::Slot;
use crate::machine::pci::Space;
use crate::machine::virtio::Found;

/// Where the tables begin, with the one that points to all others: in the memory of the BIOS, where it is looked for.
pub(super) const TABLES: u64 = 0xe_0000;

const MAKER: [u8; 6] = *b"ONEREG";
const TABLE: [u8; 8] = *b"ONEREG  ";
const REVISION: u32 = 1;

/// Boot flags: there is no VGA.
const NO_VGA: u16 = 1 << 2;

/// Writes the tables for that many vCPUs, and virtio devices.
pub(super) fn write(memory: &GuestMemoryMmap, cpus: u8, virtio: &Found) -> Result<(), Failure> {
    let mut next = TABLES + (Rsdp::len() as u64).next_multiple_of(16);
    let mut put = |table: &dyn Aml| {
        let mut bytes = Vec::new();
        table.to_aml_bytes(&mut bytes);
        let address = next;
        next += (bytes.len() as u64).next_multiple_of(16);
        memory.write_slice(&bytes, GuestAddress(address)).map(|()| address)
    };
    let mut written = || {
        let dsdt = put(&dsdt(virtio))?;
        let mut xsdt = XSDT::new(MAKER, TABLE, REVISION);
        xsdt.add_entry(put(&fadt(dsdt))?);
        xsdt.add_entry(put(&madt(cpus))?);
        if let Found::Pci { space, .. } = virtio {
            xsdt.add_entry(put(&mcfg(space))?);
        }
        let xsdt = put(&xsdt)?;
        let mut rsdp = Vec::new();
        Rsdp::new(MAKER, xsdt).to_aml_bytes(&mut rsdp);
        memory.write_slice(&rsdp, GuestAddress(TABLES))
    };
    written().map_err(|error| Failure::new(format!("cannot write the ACPI tables: {error}")))
}

/// The fixed description: no hardware but what the tables name, and the power registers.
fn fadt(dsdt: u64) -> acpi_tables::fadt::FADT {
    let register = |offset| {
        GAS::new(gas::AddressSpace::SystemIo, 8, 0, AccessSize::ByteAccess, POWER.address + offset)
    };
    let mut fadt = FADTBuilder::new(MAKER, TABLE, REVISION)
        .dsdt_64(dsdt)
        .flag(Flags::HwReducedAcpi)
        .flag(Flags::ResetRegSup)
        .flag(Flags::PwrButton)
        .flag(Flags::SlpButton);
    fadt.iapc_boot_arch = NO_VGA.into();
    fadt.sleep_control_reg = register(SLEEP_CONTROL);
    fadt.sleep_status_reg = register(SLEEP_STATUS);
    fadt.reset_reg = register(RESET);
    fadt.reset_value = RESET_VALUE;
    fadt.finalize()
}

/// The interrupt controllers: a local APIC for every vCPU, with its number.
fn madt(cpus: u8) -> MADT {
    let mut madt = MADT::new(MAKER, TABLE, REVISION, LocalInterruptController::Address(LOCAL_APIC));
    for index in 0..cpus {
        madt.add_structure(ProcessorLocalApic::new(index, index, EnabledStatus::Enabled));
    }
    madt.add_structure(IoApic::new(0, IO_APIC, 0));
    madt
}

/// Where the configuration space of PCI's bus 0 is.
fn mcfg(space: &Space) -> MCFG {
    let mut mcfg = MCFG::new(MAKER, TABLE, REVISION);
    mcfg.add_ecam(space.configuration.address, 0, 0, 0);
    mcfg
}

/// The devices, and the sleep type of the state that is off.
fn dsdt(virtio: &Found) -> Sdt {
    let mut bytes = Vec::new();
    serial(&mut bytes);
    clock(&mut bytes);
    match virtio {
        Found::Pci { space, .. } => pci_host(&mut bytes, space),
        Found::Mmio(devices) => {
            for (number, (slot, input)) in (0..).zip(devices) {
                virtio_mmio(&mut bytes, number, *slot, *input);
            }
        }
    }
    Name::new("\\_S5_".into(), &Package::new(vec![&OFF])).to_aml_bytes(&mut bytes);
    let mut dsdt = Sdt::new(*b"DSDT", 36, 2, MAKER, TABLE, REVISION);
    dsdt.append_slice(&bytes);
    dsdt
}

fn serial(bytes: &mut Vec<u8>) {
    let first = SERIAL.address as u16;
    let ports = IO::new(first, first, 0, SERIAL.length as u8);
    let interrupt = Interrupt::new(true, true, false, false, SERIAL_LINE);
    let id = Name::new("_HID".into(), &EISAName::new("PNP0501"));
    let number = Name::new("_UID".into(), &ZERO);
    let resources = Name::new("_CRS".into(), &ResourceTemplate::new(vec![&ports, &interrupt]));
    add(bytes, "COM1", vec![&id, &number, &resources]);
}

fn clock(bytes: &mut Vec<u8>) {
    let first = CLOCK.address as u16;
    let ports = IO::new(first, first, 0, CLOCK.length as u8);
    let id = Name::new("_HID".into(), &EISAName::new("PNP0B00"));
    let resources = Name::new("_CRS".into(), &ResourceTemplate::new(vec![&ports]));
    add(bytes, "RTC0", vec![&id, &resources]);
}

/// The PCI host, and the memory of its configuration space: it is not used unless a device has it.
fn pci_host(bytes: &mut Vec<u8>, space: &Space) {
    let Space { configuration, window } = space;
    let first = window.address as u32;
    let last = first + (window.length - 1) as u32;
    let bus = AddressSpace::<u16>::new_bus_number(0, 0);
    let memory = AddressSpaceCacheable::NotCacheable;
    let memory = AddressSpace::<u32>::new_memory(memory, true, first, last, None);
    let id = Name::new("_HID".into(), &EISAName::new("PNP0A08"));
    let like = Name::new("_CID".into(), &EISAName::new("PNP0A03"));
    let number = Name::new("_UID".into(), &ZERO);
    let resources = Name::new("_CRS".into(), &ResourceTemplate::new(vec![&bus, &memory]));
    add(bytes, "PCI0", vec![&id, &like, &number, &resources]);
    let taken = Memory32Fixed::new(true, configuration.address as u32, configuration.length as u32);
    let id = Name::new("_HID".into(), &EISAName::new("PNP0C02"));
    let resources = Name::new("_CRS".into(), &ResourceTemplate::new(vec![&taken]));
    add(bytes, "MBRD", vec![&id, &number, &resources]);
}

/// A virtio device that is not behind PCI.
fn virtio_mmio(bytes: &mut Vec<u8>, number: u8, slot: Slot, input: u32) {
    let memory = Memory32Fixed::new(true, slot.address as u32, slot.length as u32);
    let interrupt = Interrupt::new(true, true, false, false, input);
    let id = Name::new("_HID".into(), &"LNRO0005");
    let resources = Name::new("_CRS".into(), &ResourceTemplate::new(vec![&memory, &interrupt]));
    let number_of = Name::new("_UID".into(), &number);
    add(bytes, &format!("VR{number:02X}"), vec![&id, &number_of, &resources]);
}

/// Adds a device of the system bus.
fn add(bytes: &mut Vec<u8>, name: &str, parts: Vec<&dyn Aml>) {
    let device = Device::new(name.into(), parts);
    Scope::new("\\_SB_".into(), vec![&device]).to_aml_bytes(bytes);
}
