//! riscv64: memory map, vCPU creation, and how the built-in guest starts: in S-mode without translation.

// UNSAFETY: the built-in guest is assembler.
#![expect(
    unsafe_code,
    reason = "global_asm! puts the guest's bytes into the program; nothing here runs them"
)]

mod aia;
mod clock;
mod external;
pub(crate) mod instruction;
mod irqchip;
pub(crate) mod linux;

use std::arch::global_asm;
use std::io;

use kvm_bindings::{KVM_MP_STATE_RUNNABLE, kvm_mp_state};
use kvm_ioctls::{Kvm, VmFd};
use onereg::riscv::{A0, A1, A2, A3, PC};
use onereg::{Arch, Reg, Registers, Riscv, Ulong};
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

use crate::failure::Failure;
use crate::machine::bus::{Bus, Slot};
use crate::machine::confine::Call;
use crate::machine::guest::{self, Wishes};
use crate::machine::pci::Space;
use crate::machine::vcpu::Vcpu;
use crate::machine::vm::describe;
use crate::probe::About;

/// The architecture of the host's vCPUs.
pub(crate) type Host = Riscv;

/// Capabilities that the host profile names.
pub(crate) const CAPABILITIES: &[(&str, u32)] = &[
    ("KVM_CAP_ONE_REG", kvm_bindings::KVM_CAP_ONE_REG),
    ("KVM_CAP_MP_STATE", kvm_bindings::KVM_CAP_MP_STATE),
    ("KVM_CAP_VM_GPA_BITS", kvm_bindings::KVM_CAP_VM_GPA_BITS),
];

/// The system calls that wait for events and that remove a file.
pub(crate) const WAIT: Call = Call::any(libc::SYS_epoll_pwait);
pub(crate) const REMOVE: Call = Call::any(libc::SYS_unlinkat);

/// Features of the vCPUs that the built-in guest runs on.
pub(crate) const GUEST_FEATURES: &str = "all";

/// Registers of the serial port, where the `virt` machine of QEMU has them.
pub(crate) const SERIAL: Slot = Slot { bus: Bus::Memory, address: 0x1000_0000, length: 8 };

/// The PCI host, between the interrupt controllers and memory.
pub(crate) const PCI: Space = Space {
    configuration: Slot { bus: Bus::Memory, address: 0x3000_0000, length: 1 << 20 },
    window: Slot { bus: Bus::Memory, address: 0x4000_0000, length: 0x4000_0000 },
};

/// Registers of the first virtio device that is not behind PCI, where the `virt` machine of QEMU has its own.
pub(crate) const VIRTIO_MMIO: u64 = 0x1000_1000;

/// Least memory of a VM in bytes.
pub(crate) const MEMORY_MIN: u64 = 2 << 20;

/// First byte of the memory.
const RAM: u64 = 0x8000_0000;

/// Lays out the memory.
pub(crate) fn ram(size: u64) -> Vec<(GuestAddress, usize)> {
    vec![(GuestAddress(RAM), size as usize)]
}

/// Starts a vCPU, and switches ISA extensions off: none of those that the host has, all that can be, or all but those of the list.
pub(crate) fn initialize(
    _kvm: &Kvm,
    _vm: &VmFd,
    vcpu: &Vcpu,
    features: &str,
) -> Result<(), Failure> {
    // All but the first would wait for the guest to start them.
    let runnable = kvm_mp_state { mp_state: KVM_MP_STATE_RUNNABLE };
    vcpu.fd().set_mp_state(runnable).map_err(|error| {
        Failure::new(format!("cannot start a vCPU (KVM_SET_MP_STATE): {}", describe(error)))
    })?;
    let wanted: Vec<String> = match features {
        "all" => return Ok(()),
        "none" => Vec::new(),
        list => list.split(',').map(|name| format!("ISA_EXT_{}", name.to_uppercase())).collect(),
    };
    let vcpu = vcpu.registers();
    for name in &wanted {
        let extension =
            Riscv::TABLE.by_name(name).and_then(|info| Reg::<Riscv, Ulong>::from_info(info).ok());
        let on = extension.and_then(|extension| vcpu.get(extension).ok());
        if on != Some(Ulong(1)) {
            return Err(Failure::new(format!(
                "this host does not have the extension {name}: `probe --features all` shows those it has"
            )));
        }
    }
    let others = Riscv::TABLE.registers.iter().filter(|info| info.name.starts_with("ISA_EXT_"));
    for info in others.filter(|info| !wanted.iter().any(|name| name == info.name)) {
        // An extension that cannot be switched off stays.
        let _ = Reg::<Riscv, Ulong>::from_info(info).map(|extension| vcpu.set(extension, Ulong(0)));
    }
    Ok(())
}

/// Returns nothing: registers say it all.
pub(crate) fn about(
    _kvm: &Kvm,
    _system: &onereg::kvm::Kvm<'_>,
    _vm: &onereg::kvm::Kvm<'_>,
) -> Result<About, Failure> {
    Ok(About::default())
}

/// Lists the ids of the registers that the kernel says the vCPU has.
pub(crate) fn list(
    _system: &onereg::kvm::Kvm<'_>,
    vcpu: &onereg::kvm::Vcpu<'_, Host>,
) -> io::Result<Vec<u64>> {
    vcpu.reg_list()
}

/// Where the built-in guest lies in memory.
pub(crate) struct Image {
    code: u64,
    text: u64,
}

/// Loads the built-in guest.
pub(crate) fn load(memory: &GuestMemoryMmap) -> Result<Image, Failure> {
    let image = Image { code: RAM, text: RAM + 0x1000 };
    let written = memory
        .write_slice(guest::code(), GuestAddress(image.code))
        .and_then(|()| memory.write_slice(guest::TEXT, GuestAddress(image.text)));
    written.map_err(|error| Failure::new(format!("cannot load the built-in guest: {error}")))?;
    Ok(image)
}

/// Points a vCPU at the built-in guest.
pub(crate) fn place(vcpu: &Vcpu, image: &Image, index: u16, wishes: Wishes) -> Result<(), Failure> {
    let values = [image.code, u64::from(index), image.text, SERIAL.address, wishes.bits()];
    vcpu.registers().set_many([PC, A0, A1, A2, A3], values.map(Ulong))?;
    Ok(())
}

// A0: number of the vCPU; A1: text that ends with a zero; A2: address of the serial port; A3: wishes.
global_asm!(
    ".pushsection .rodata.onereg_guest, \"a\"",
    ".balign 4",
    ".global onereg_guest_start",
    "onereg_guest_start:",
    "    bnez a0, 3f",
    "2:  lbu t0, 0(a1)",
    "    beqz t0, 3f",
    "    sb t0, 0(a2)",
    "    addi a1, a1, 1",
    "    j 2b",
    "3:  andi t1, a3, 1",
    "    bnez t1, 3b",
    "    csrw sscratch, a1",
    "    li s1, 0x55667788",
    "    bnez a0, 4f",
    // SBI's system reset: shutdown.
    "    li a7, 0x53525354",
    "    li a6, 0",
    "    li a1, 0",
    "    ecall",
    "4:  wfi",
    "    j 4b",
    ".global onereg_guest_end",
    "onereg_guest_end:",
    ".popsection",
);
