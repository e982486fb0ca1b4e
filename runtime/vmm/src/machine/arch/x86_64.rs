//! x86_64: memory map, vCPU creation, and how the built-in guest starts: in long mode at privilege level 0.

// UNSAFETY: the built-in guest is assembler.
#![expect(
    unsafe_code,
    reason = "global_asm! puts the guest's bytes into the program; nothing here runs them"
)]

mod acpi;
mod clock;
mod cpuid;
pub(crate) mod instruction;
mod irqchip;
mod kernel;
pub(crate) mod linux;
mod mode;
mod power;

use std::arch::global_asm;
use std::fmt::LowerHex;
use std::io;

use kvm_bindings::{KVM_MAX_CPUID_ENTRIES, kvm_cpuid_entry2};
use kvm_ioctls::{Kvm, VmFd};
use onereg::x86::{
    CR0, CR3, CR4, CS_BASE, CS_DB, CS_DPL, CS_G, CS_L, CS_LIMIT, CS_PRESENT, CS_S, CS_SELECTOR,
    CS_TYPE, Cr3, Efer, IA32_CR_PAT, R8, RCX, RDI, RDX, RFLAGS, RIP, RSI, Rflags, SREGS_EFER,
    SegmentSelector, SegmentType,
};
use onereg::{Arch, Registers, X86};
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

use crate::failure::Failure;
use crate::machine::bus::{Bus, Slot};
use crate::machine::confine::Call;
use crate::machine::guest::{self, Wishes};
use crate::machine::pci::Space;
use crate::machine::vcpu::Vcpu;
use crate::machine::vm::describe;
use crate::probe::{About, CpuidEntry};

/// The architecture of the host's vCPUs.
pub(crate) type Host = X86;

/// Capabilities that the host profile names.
pub(crate) const CAPABILITIES: &[(&str, u32)] = &[
    ("KVM_CAP_ONE_REG", kvm_bindings::KVM_CAP_ONE_REG),
    ("KVM_CAP_XSAVE", kvm_bindings::KVM_CAP_XSAVE),
    ("KVM_CAP_XSAVE2", kvm_bindings::KVM_CAP_XSAVE2),
    ("KVM_CAP_XCRS", kvm_bindings::KVM_CAP_XCRS),
    ("KVM_CAP_DEBUGREGS", kvm_bindings::KVM_CAP_DEBUGREGS),
    ("KVM_CAP_VCPU_EVENTS", kvm_bindings::KVM_CAP_VCPU_EVENTS),
    ("KVM_CAP_SREGS2", kvm_bindings::KVM_CAP_SREGS2),
    ("KVM_CAP_EXCEPTION_PAYLOAD", kvm_bindings::KVM_CAP_EXCEPTION_PAYLOAD),
];

/// The system calls that wait for events and that remove a file.
pub(crate) const WAIT: Call = Call::any(libc::SYS_epoll_wait);
pub(crate) const REMOVE: Call = Call::any(libc::SYS_unlink);

/// Features of the vCPUs that the built-in guest runs on.
pub(crate) const GUEST_FEATURES: &str = "all";

/// Ports of the first serial port of a PC.
pub(crate) const SERIAL: Slot = Slot { bus: Bus::Port, address: 0x3f8, length: 8 };

/// The PCI host, between memory and the interrupt controllers.
pub(crate) const PCI: Space = Space {
    configuration: Slot { bus: Bus::Memory, address: 0xe000_0000, length: 1 << 20 },
    window: Slot { bus: Bus::Memory, address: 0xd000_0000, length: 0x1000_0000 },
};

/// Registers of the first virtio device that is not behind PCI.
pub(crate) const VIRTIO_MMIO: u64 = 0xfeb0_0000;

/// Least memory of a VM in bytes.
pub(crate) const MEMORY_MIN: u64 = 2 << 20;

/// Lays out the memory: what does not fit below the addresses of devices continues at 4 GiB.
pub(crate) fn ram(size: u64) -> Vec<(GuestAddress, usize)> {
    const LOW_END: u64 = 3 << 30;
    const HIGH: u64 = 4 << 30;
    let low = (GuestAddress(0), size.min(LOW_END) as usize);
    match size.saturating_sub(LOW_END) {
        0 => vec![low],
        high => vec![low, (GuestAddress(HIGH), high as usize)],
    }
}

/// Gives the vCPU its CPUID: everything that KVM supports on this host, or nothing.
pub(crate) fn initialize(
    kvm: &Kvm,
    _vm: &VmFd,
    vcpu: &Vcpu,
    features: &str,
) -> Result<(), Failure> {
    match features {
        "none" => return Ok(()),
        "all" => {}
        _ => {
            return Err(Failure::new(format!(
                "unknown features `{features}`: on x86 give `all` (the CPUID that KVM supports) or `none` (no CPUID)"
            )));
        }
    }
    let cpuid = kvm
        .get_supported_cpuid(KVM_MAX_CPUID_ENTRIES)
        .and_then(|cpuid| vcpu.fd().set_cpuid2(&cpuid));
    cpuid.map_err(|error| {
        Failure::new(format!("cannot set the CPUID of a vCPU: {}", describe(error)))
    })
}

/// Returns the MSRs that describe the host, and the CPUID that KVM supports.
pub(crate) fn about(
    kvm: &Kvm,
    system: &onereg::kvm::Kvm<'_>,
    _vm: &onereg::kvm::Kvm<'_>,
) -> Result<About, Failure> {
    let features = system.msr_features().map_err(|error| {
        Failure::new(format!(
            "cannot read the MSRs that describe the host (KVM_GET_MSR_FEATURE_INDEX_LIST): {error}"
        ))
    })?;
    let cpuid = kvm.get_supported_cpuid(KVM_MAX_CPUID_ENTRIES).map_err(|error| {
        Failure::new(format!("cannot read the CPUID that KVM supports: {}", describe(error)))
    })?;
    let name = |id| X86::TABLE.by_id(id).map_or_else(|| hex(id), |info| info.name.to_owned());
    let entry = |entry: &kvm_cpuid_entry2| CpuidEntry {
        function: hex(entry.function),
        index: hex(entry.index),
        eax: hex(entry.eax),
        ebx: hex(entry.ebx),
        ecx: hex(entry.ecx),
        edx: hex(entry.edx),
    };
    Ok(About {
        features: Some(
            features.into_iter().map(|(id, value)| (name(id), value.map(hex))).collect(),
        ),
        cpuid: Some(cpuid.as_slice().iter().map(entry).collect()),
        ..About::default()
    })
}

/// Writes a number with all its digits.
fn hex<T: LowerHex>(number: T) -> String {
    format!("{number:#0width$x}", width = 2 + 2 * size_of::<T>())
}

/// Lists the ids of the registers that the vCPU may have: KVM_GET_REG_LIST, which x86 has since Linux 6.18 and which
/// leaves out the MSRs, and the index lists.
pub(crate) fn list(
    system: &onereg::kvm::Kvm<'_>,
    vcpu: &onereg::kvm::Vcpu<'_, Host>,
) -> io::Result<Vec<u64>> {
    let mut ids = system.msr_list()?;
    ids.extend(system.msr_feature_list()?);
    if system.has_one_reg()? {
        ids.extend(vcpu.reg_list()?);
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// Where the built-in guest lies in memory.
pub(crate) struct Image {
    code: u64,
    text: u64,
    page_tables: u64,
}

/// Loads the built-in guest, and page tables that map the first 2 MiB to themselves.
pub(crate) fn load(memory: &GuestMemoryMmap) -> Result<Image, Failure> {
    const PRESENT_WRITABLE: u64 = 0b11;
    const LARGE_PAGE: u64 = 1 << 7;
    let image = Image { page_tables: 0x1000, code: 0x1_0000, text: 0x1_1000 };
    let tables = [
        (0x1000, 0x2000 | PRESENT_WRITABLE),
        (0x2000, 0x3000 | PRESENT_WRITABLE),
        (0x3000, LARGE_PAGE | PRESENT_WRITABLE),
    ];
    let written = tables
        .iter()
        .try_for_each(|(table, entry)| memory.write_obj::<u64>(*entry, GuestAddress(*table)))
        .and_then(|()| memory.write_slice(guest::code(), GuestAddress(image.code)))
        .and_then(|()| memory.write_slice(guest::TEXT, GuestAddress(image.text)));
    written.map_err(|error| Failure::new(format!("cannot load the built-in guest: {error}")))?;
    Ok(image)
}

/// Points a vCPU at the built-in guest, in 64-bit mode.
pub(crate) fn place(vcpu: &Vcpu, image: &Image, index: u16, wishes: Wishes) -> Result<(), Failure> {
    let code_segment =
        (CS_BASE, CS_LIMIT, CS_SELECTOR, CS_TYPE, CS_PRESENT, CS_DPL, CS_DB, CS_S, CS_L, CS_G);
    let selector = SegmentSelector::default().with_index(1);
    let execute_read = SegmentType::new(0xb);
    let execute_read_64_bit = (0, u32::MAX, selector, execute_read, 1, 0, 0, 1, 1, 1);
    let vcpu = vcpu.registers();
    let (cr0, cr4) = vcpu.get_many((CR0, CR4))?;
    vcpu.set_many(
        (CR0, CR3, CR4, SREGS_EFER, code_segment),
        (
            cr0.with_pe(true).with_pg(true),
            Cr3::new(image.page_tables),
            cr4.with_pae(true),
            Efer::default().with_lme(true).with_lma(true),
            execute_read_64_bit,
        ),
    )?;
    let pat = IA32_CR_PAT.id().unwrap_or_default();
    vcpu.set_many(
        (RIP, RFLAGS, RDI, RSI, RDX, RCX, R8),
        (
            image.code,
            Rflags::new(2),
            u64::from(index),
            image.text,
            SERIAL.address,
            pat & 0xffff_ffff,
            wishes.bits(),
        ),
    )?;
    Ok(())
}

// RDI: number of the vCPU; RSI: text that ends with a zero; RDX: port; RCX: number of the PAT; R8: wishes.
global_asm!(
    ".pushsection .rodata.onereg_guest, \"a\"",
    ".global onereg_guest_start",
    "onereg_guest_start:",
    "    cld",
    "    test edi, edi",
    "    jnz 3f",
    "2:  lodsb",
    "    test al, al",
    "    jz 3f",
    "    out dx, al",
    "    jmp 2b",
    "3:  test r8d, 2",
    "    jz 4f",
    "    ud2",
    "4:  test r8d, 1",
    "    jz 6f",
    "5:  pause",
    "    jmp 5b",
    // Rotates the PAT by one entry.
    "6:  rdmsr",
    "    shl rdx, 32",
    "    or rax, rdx",
    "    rol rax, 8",
    "    mov rdx, rax",
    "    shr rdx, 32",
    "    wrmsr",
    // Enables SSE.
    "    mov rax, cr4",
    "    or eax, 0x200",
    "    mov cr4, rax",
    "    movabs rbx, 0x1122334455667788",
    "    mov r15, rsi",
    "    std",
    "    stc",
    "    hlt",
    ".global onereg_guest_end",
    "onereg_guest_end:",
    ".popsection",
);
