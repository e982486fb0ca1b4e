//! The ACPI tables: CPUs, interrupt controllers, the serial port, and how to switch the machine off.

use acpi_tables::Aml;
use acpi_tables::aml::{
    Device, EISAName, IO, Interrupt, Name, Package, ResourceTemplate, Scope, ZERO,
};
use acpi_tables::fadt::{FADTBuilder, Flags};
use acpi_tables::gas::{AccessSize, AddressSpace, GAS};
use acpi_tables::madt::{
    EnabledStatus, IoApic, LocalInterruptController, MADT, ProcessorLocalApic,
};
use acpi_tables::rsdp::Rsdp;
use acpi_tables::sdt::Sdt;
use acpi_tables::xsdt::XSDT;
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

use super::SERIAL;
use super::irqchip::{IO_APIC, LOCAL_APIC};
use super::linux::SERIAL_LINE;
use super::power::{OFF, POWER, RESET, RESET_VALUE, SLEEP_CONTROL, SLEEP_STATUS};
use crate::failure::Failure;

/// Where the tables begin, with the one that points to all others: in the memory of the BIOS, where it is looked for.
pub(super) const TABLES: u64 = 0xe_0000;

const MAKER: [u8; 6] = *b"ONEREG";
const TABLE: [u8; 8] = *b"ONEREG  ";
const REVISION: u32 = 1;

/// Boot flags: there is no VGA, and no real-time clock in a CMOS.
const NO_VGA: u16 = 1 << 2;
const NO_CMOS_CLOCK: u16 = 1 << 5;

/// Writes the tables for that many vCPUs.
pub(super) fn write(memory: &GuestMemoryMmap, cpus: u8) -> Result<(), Failure> {
    let mut next = TABLES + (Rsdp::len() as u64).next_multiple_of(16);
    let mut put = |table: &dyn Aml| {
        let mut bytes = Vec::new();
        table.to_aml_bytes(&mut bytes);
        let address = next;
        next += (bytes.len() as u64).next_multiple_of(16);
        memory.write_slice(&bytes, GuestAddress(address)).map(|()| address)
    };
    let mut written = || {
        let dsdt = put(&dsdt())?;
        let mut xsdt = XSDT::new(MAKER, TABLE, REVISION);
        xsdt.add_entry(put(&fadt(dsdt))?);
        xsdt.add_entry(put(&madt(cpus))?);
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
        GAS::new(AddressSpace::SystemIo, 8, 0, AccessSize::ByteAccess, POWER.address + offset)
    };
    let mut fadt = FADTBuilder::new(MAKER, TABLE, REVISION)
        .dsdt_64(dsdt)
        .flag(Flags::HwReducedAcpi)
        .flag(Flags::ResetRegSup)
        .flag(Flags::PwrButton)
        .flag(Flags::SlpButton);
    fadt.iapc_boot_arch = (NO_VGA | NO_CMOS_CLOCK).into();
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

/// The devices, and the sleep type of the state that is off.
fn dsdt() -> Sdt {
    let first = SERIAL.address as u16;
    let ports = IO::new(first, first, 0, SERIAL.length as u8);
    let interrupt = Interrupt::new(true, true, false, false, SERIAL_LINE);
    let resources = ResourceTemplate::new(vec![&ports, &interrupt]);
    let id = Name::new("_HID".into(), &EISAName::new("PNP0501"));
    let number = Name::new("_UID".into(), &ZERO);
    let resources = Name::new("_CRS".into(), &resources);
    let serial = Device::new("COM1".into(), vec![&id, &number, &resources]);
    let mut bytes = Vec::new();
    Scope::new("\\_SB_".into(), vec![&serial]).to_aml_bytes(&mut bytes);
    Name::new("\\_S5_".into(), &Package::new(vec![&OFF])).to_aml_bytes(&mut bytes);
    let mut dsdt = Sdt::new(*b"DSDT", 36, 2, MAKER, TABLE, REVISION);
    dsdt.append_slice(&bytes);
    dsdt
}
