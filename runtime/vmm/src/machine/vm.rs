//! The life of a VM: /dev/kvm, guest memory, vCPUs.

// UNSAFETY: guest memory is given to KVM by address, and `Kvm` and `VmFd` give their file descriptors only as numbers.
#![expect(unsafe_code, reason = "KVM_SET_USER_MEMORY_REGION takes an address, BorrowedFd a number")]

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use kvm_bindings::{KVM_API_VERSION, kvm_userspace_memory_region};
use kvm_ioctls::{Kvm, VmFd};
use vm_memory::{Address, GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion};

use super::arch;
use super::memory::Memory;
use super::vcpu::Vcpu;
use super::wires::VmWires;
use crate::failure::Failure;
use crate::probe::About;

/// A VM and its memory.
pub(crate) struct Vm {
    fd: Arc<VmFd>,
    kvm: Kvm,
    memory: Arc<GuestMemoryMmap>,
}

impl Vm {
    /// Creates a VM with memory of its own.
    pub(crate) fn new(path: &Path, memory: Memory) -> Result<Vm, Failure> {
        Vm::over(path, Arc::new(memory.allocate()?))
    }

    /// Creates a VM with that memory, whatever it holds.
    pub(super) fn over(path: &Path, memory: Arc<GuestMemoryMmap>) -> Result<Vm, Failure> {
        let kvm = open(path)?;
        let fd = kvm.create_vm().map_err(|error| {
            Failure::new(format!("cannot create a VM (KVM_CREATE_VM): {}", describe(error)))
        })?;
        let vm = Vm { fd: Arc::new(fd), kvm, memory };
        vm.map_memory()?;
        Ok(vm)
    }

    /// Returns the KVM device.
    pub(crate) fn system(&self) -> onereg::kvm::Kvm<'_> {
        onereg::kvm::Kvm::over(self)
    }

    /// Asks the host what a profile has beyond registers and capabilities.
    pub(crate) fn about(&self) -> Result<About, Failure> {
        arch::about(&self.kvm, &self.system(), &onereg::kvm::Kvm::over(&self.descriptor()))
    }

    /// Borrows the descriptor of the VM.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        // SAFETY: `VmFd` owns the descriptor and closes it when it is dropped, which the borrow of `self` precludes.
        unsafe { BorrowedFd::borrow_raw(self.fd.as_raw_fd()) }
    }

    fn map_memory(&self) -> Result<(), Failure> {
        for (slot, region) in (0..).zip(self.memory.iter()) {
            let address = region.start_addr();
            let host = self.memory.get_host_address(address).map_err(|error| {
                Failure::new(format!(
                    "guest memory at {:#x} has no address: {error}",
                    address.raw_value()
                ))
            })?;
            let region = kvm_userspace_memory_region {
                slot,
                flags: 0,
                guest_phys_addr: address.raw_value(),
                memory_size: region.len(),
                userspace_addr: host as u64,
            };
            // SAFETY: the region is mapped with this size, nothing else uses it, and it stays mapped while the VM can
            // run: every `Vcpu` holds the memory too.
            unsafe { self.fd.set_user_memory_region(region) }.map_err(|error| {
                Failure::new(format!("cannot map guest memory: {}", describe(error)))
            })?;
        }
        Ok(())
    }

    /// Returns the guest's memory.
    pub(crate) fn memory(&self) -> &GuestMemoryMmap {
        &self.memory
    }

    /// Returns the guest's memory for who may use it longer than the VM.
    pub(super) fn shared_memory(&self) -> Arc<GuestMemoryMmap> {
        Arc::clone(&self.memory)
    }

    /// Returns what devices reach the guest by.
    pub(super) fn wires(&self) -> VmWires {
        VmWires(Arc::clone(&self.fd))
    }

    /// Returns its file descriptor, for what is not memory and not a vCPU.
    pub(super) fn fd(&self) -> &VmFd {
        &self.fd
    }

    /// Creates a vCPU with the features of that list.
    pub(crate) fn vcpu(&self, index: u16, features: &str) -> Result<Vcpu, Failure> {
        let fd = self.fd.create_vcpu(u64::from(index)).map_err(|error| {
            let most = self.kvm.get_max_vcpus();
            Failure::new(format!(
                "cannot create vCPU {index} (KVM_CREATE_VCPU): {}; this host allows {most} vCPUs",
                describe(error)
            ))
        })?;
        let vcpu = Vcpu::new(index, fd, Arc::clone(&self.memory));
        arch::initialize(&self.kvm, &self.fd, &vcpu, features)?;
        Ok(vcpu)
    }
}

impl AsFd for Vm {
    /// Borrows the descriptor of the KVM device.
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: `Kvm` owns the descriptor and closes it when it is dropped, which the borrow of `self` precludes.
        unsafe { BorrowedFd::borrow_raw(self.kvm.as_raw_fd()) }
    }
}

/// Opens the KVM device.
pub(crate) fn open(path: &Path) -> Result<Kvm, Failure> {
    let name = CString::new(path.as_os_str().as_bytes())
        .map_err(|_| Failure::new("the name of the KVM device has a zero byte in it"))?;
    let kvm = Kvm::new_with_path(name).map_err(|error| {
        let error = io::Error::from(error);
        Failure::new(format!("cannot open {}: {error}: {}", path.display(), remedy(error.kind())))
    })?;
    match kvm.get_api_version() {
        version if u32::try_from(version) == Ok(KVM_API_VERSION) => Ok(kvm),
        _ => Err(Failure::new(format!(
            "{} is not a KVM device: give the one of this host, usually /dev/kvm",
            path.display()
        ))),
    }
}

/// Says what to do about a KVM device that does not open.
fn remedy(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::NotFound => {
            "load KVM's module for this CPU (modprobe kvm_intel or kvm_amd on x86), and switch on virtualization in \
             the firmware or, in a VM, nested virtualization in the outer hypervisor"
        }
        io::ErrorKind::PermissionDenied => {
            "join the group that owns it (usermod -a -G kvm USER, then log in again), or run as root"
        }
        _ => "see that it is the KVM device of this host and that no container policy forbids it",
    }
}

/// Describes an errno of KVM's.
pub(super) fn describe(error: kvm_ioctls::Error) -> String {
    io::Error::from(error).to_string()
}
