//! aarch64: memory map, vCPU creation, and how the built-in guest starts: at EL1 with the MMU off.

// UNSAFETY: the built-in guest is assembler.
#![expect(
    unsafe_code,
    reason = "global_asm! puts the guest's bytes into the program; nothing here runs them"
)]

mod clock;
pub(crate) mod instruction;
mod irqchip;
pub(crate) mod linux;

use std::arch::global_asm;
use std::io;

use kvm_bindings::kvm_vcpu_init;
use kvm_ioctls::{Kvm, VmFd};
use onereg::arm64::{PC, X};
use onereg::{Arm64, Info, Registers};
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
pub(crate) type Host = Arm64;

/// Capabilities that the host profile names.
pub(crate) const CAPABILITIES: &[(&str, u32)] = &[
    ("KVM_CAP_ONE_REG", kvm_bindings::KVM_CAP_ONE_REG),
    ("KVM_CAP_ARM_PSCI_0_2", kvm_bindings::KVM_CAP_ARM_PSCI_0_2),
    ("KVM_CAP_ARM_EL1_32BIT", kvm_bindings::KVM_CAP_ARM_EL1_32BIT),
    ("KVM_CAP_ARM_PMU_V3", kvm_bindings::KVM_CAP_ARM_PMU_V3),
    ("KVM_CAP_ARM_SVE", kvm_bindings::KVM_CAP_ARM_SVE),
    ("KVM_CAP_ARM_PTRAUTH_ADDRESS", kvm_bindings::KVM_CAP_ARM_PTRAUTH_ADDRESS),
    ("KVM_CAP_ARM_PTRAUTH_GENERIC", kvm_bindings::KVM_CAP_ARM_PTRAUTH_GENERIC),
    ("KVM_CAP_ARM_MTE", kvm_bindings::KVM_CAP_ARM_MTE),
    ("KVM_CAP_ARM_EL2", KVM_CAP_ARM_EL2),
];

/// The system calls that wait for events and that remove a file.
pub(crate) const WAIT: Call = Call::any(libc::SYS_epoll_pwait);
pub(crate) const REMOVE: Call = Call::any(libc::SYS_unlinkat);

/// Features of the vCPUs that the built-in guest runs on.
pub(crate) const GUEST_FEATURES: &str = "none";

/// Registers of the serial port, where the `virt` machine of QEMU has its own.
pub(crate) const SERIAL: Slot = Slot { bus: Bus::Memory, address: 0x900_0000, length: 8 };

/// The PCI host, between the other devices and memory.
pub(crate) const PCI: Space = Space {
    configuration: Slot { bus: Bus::Memory, address: 0x3f00_0000, length: 1 << 20 },
    window: Slot { bus: Bus::Memory, address: 0x1000_0000, length: 0x2000_0000 },
};

/// Registers of the first virtio device that is not behind PCI, where the `virt` machine of QEMU has its own.
pub(crate) const VIRTIO_MMIO: u64 = 0xa00_0000;

/// Least memory of a VM in bytes.
pub(crate) const MEMORY_MIN: u64 = 2 << 20;

/// First byte of the memory.
const RAM: u64 = 0x4000_0000;

/// Younger than kvm-bindings.
const KVM_CAP_ARM_EL2: u32 = 240;

/// Lays out the memory.
pub(crate) fn ram(size: u64) -> Vec<(GuestAddress, usize)> {
    vec![(GuestAddress(RAM), size as usize)]
}

/// A feature of KVM_ARM_VCPU_INIT: its name, bits, and the capability that says whether the host has it.
struct Feature {
    name: &'static str,
    bits: u32,
    capability: u32,
    /// Whether `all` has it: EL2 makes another machine of the vCPU.
    in_all: bool,
}

const FEATURES: &[Feature] = &[
    Feature {
        name: "pmu",
        bits: 1 << kvm_bindings::KVM_ARM_VCPU_PMU_V3,
        capability: kvm_bindings::KVM_CAP_ARM_PMU_V3,
        in_all: true,
    },
    Feature {
        name: "sve",
        bits: 1 << kvm_bindings::KVM_ARM_VCPU_SVE,
        capability: kvm_bindings::KVM_CAP_ARM_SVE,
        in_all: true,
    },
    Feature {
        name: "ptrauth",
        bits: 1 << kvm_bindings::KVM_ARM_VCPU_PTRAUTH_ADDRESS
            | 1 << kvm_bindings::KVM_ARM_VCPU_PTRAUTH_GENERIC,
        capability: kvm_bindings::KVM_CAP_ARM_PTRAUTH_ADDRESS,
        in_all: true,
    },
    Feature {
        name: "el2",
        bits: 1 << kvm_bindings::KVM_ARM_VCPU_HAS_EL2,
        capability: KVM_CAP_ARM_EL2,
        in_all: false,
    },
];

/// Initialises the vCPU with the host's preferred target, PSCI and those features.
pub(crate) fn initialize(kvm: &Kvm, vm: &VmFd, vcpu: &Vcpu, features: &str) -> Result<(), Failure> {
    let bits = select(kvm, features)?;
    let fail =
        |what: &str, error| Failure::new(format!("cannot {what} a vCPU: {}", describe(error)));
    let mut init = kvm_vcpu_init::default();
    vm.get_preferred_target(&mut init).map_err(|error| fail("choose the target of", error))?;
    init.features[0] = bits | 1 << kvm_bindings::KVM_ARM_VCPU_PSCI_0_2;
    vcpu.fd().vcpu_init(&init).map_err(|error| fail("initialise", error))?;
    if bits & 1 << kvm_bindings::KVM_ARM_VCPU_SVE != 0 {
        let sve = kvm_bindings::KVM_ARM_VCPU_SVE as i32;
        vcpu.fd().vcpu_finalize(&sve).map_err(|error| fail("finalize", error))?;
    }
    Ok(())
}

/// Turns a list of features into bits.
fn select(kvm: &Kvm, features: &str) -> Result<u32, Failure> {
    let has = |feature: &Feature| kvm.check_extension_raw(u64::from(feature.capability)) > 0;
    match features {
        "none" => Ok(0),
        "all" => {
            let present = FEATURES.iter().filter(|feature| feature.in_all && has(feature));
            Ok(present.fold(0, |bits, feature| bits | feature.bits))
        }
        list => list.split(',').try_fold(0, |bits, name| {
            match FEATURES.iter().find(|feature| feature.name == name) {
                Some(feature) if has(feature) => Ok(bits | feature.bits),
                Some(_) => Err(Failure::new(format!("this host does not have the feature `{name}`"))),
                None => Err(Failure::new(format!(
                    "unknown feature `{name}`: on arm64 give all, none, or some of pmu,sve,ptrauth,el2"
                ))),
            }
        }),
    }
}

/// Returns which bits of the ID registers can be written.
pub(crate) fn about(
    _kvm: &Kvm,
    _system: &onereg::kvm::Kvm<'_>,
    vm: &onereg::kvm::Kvm<'_>,
) -> Result<About, Failure> {
    let masks = vm.writable_masks().map_err(|error| {
        Failure::new(format!(
            "cannot ask which bits of ID registers can be written (KVM_ARM_GET_REG_WRITABLE_MASKS): {error}"
        ))
    })?;
    let named = |masks: Vec<(&'static Info, u64)>| {
        masks.into_iter().map(|(info, mask)| (info.name, format!("{mask:#018x}"))).collect()
    };
    Ok(About { writable: masks.map(named), ..About::default() })
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
    vcpu.registers().set_many(
        (PC, X[0], X[1], X[2], X[3]),
        (image.code, u64::from(index), image.text, SERIAL.address, wishes.bits()),
    )?;
    Ok(())
}

// X0: number of the vCPU; X1: text that ends with a zero; X2: address of the serial port; X3: wishes.
global_asm!(
    ".pushsection .rodata.onereg_guest, \"a\"",
    ".balign 4",
    ".global onereg_guest_start",
    "onereg_guest_start:",
    "    cbnz x0, 3f",
    "2:  ldrb w4, [x1], #1",
    "    cbz w4, 3f",
    "    strb w4, [x2]",
    "    b 2b",
    "3:  tbnz x3, #0, 3b",
    "    msr tpidr_el0, x1",
    "    mov x5, #0x7788",
    "    movk x5, #0x5566, lsl #16",
    "    cmp x5, x5",
    "    cbnz x0, 4f",
    // PSCI's SYSTEM_OFF.
    "    mov w0, #0x0008",
    "    movk w0, #0x8400, lsl #16",
    "    hvc #0",
    "4:  wfi",
    "    b 4b",
    ".global onereg_guest_end",
    "onereg_guest_end:",
    ".popsection",
);
