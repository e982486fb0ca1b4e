//! A VM of this host's KVM, made by another crate.

// UNSAFETY: `kvm_ioctls` gives file descriptors only as numbers.
#![expect(unsafe_code, reason = "BorrowedFd of a number")]

use std::env;
use std::os::fd::{AsRawFd, BorrowedFd};

use kvm_bindings::KVM_MAX_CPUID_ENTRIES;
use kvm_ioctls::{Kvm, VcpuFd, VmFd};

/// A VM with vCPUs that have the CPUID which KVM supports.
pub(crate) struct Machine {
    pub(crate) kvm: Kvm,
    pub(crate) vm: VmFd,
    pub(crate) vcpus: Vec<VcpuFd>,
}

impl Machine {
    /// Creates a VM that `prepare` completes, then its vCPUs; `None`, said aloud, where there is no KVM and none was
    /// promised.
    pub(crate) fn new(vcpus: u64, prepare: impl FnOnce(&VmFd)) -> Option<Machine> {
        let kvm = match Kvm::new() {
            Ok(kvm) => kvm,
            Err(error) if env::var_os("CI").is_some_and(|value| value == "true") => {
                panic!("CI=true promises /dev/kvm, but it does not open: {error}")
            }
            Err(error) => {
                println!("skipped: /dev/kvm does not open: {error}");
                return None;
            }
        };
        let vm = kvm.create_vm().unwrap();
        prepare(&vm);
        let cpuid = kvm.get_supported_cpuid(KVM_MAX_CPUID_ENTRIES).unwrap();
        let vcpus = (0..vcpus).map(|index| vm.create_vcpu(index).unwrap());
        let vcpus: Vec<VcpuFd> = vcpus.inspect(|vcpu| vcpu.set_cpuid2(&cpuid).unwrap()).collect();
        Some(Machine { kvm, vm, vcpus })
    }

    /// Borrows the descriptor of /dev/kvm.
    pub(crate) fn kvm(&self) -> BorrowedFd<'_> {
        // SAFETY: the device owns the descriptor and outlives the borrow.
        unsafe { BorrowedFd::borrow_raw(self.kvm.as_raw_fd()) }
    }

    /// Borrows the descriptor of a vCPU.
    pub(crate) fn vcpu(&self, index: usize) -> BorrowedFd<'_> {
        // SAFETY: the vCPU owns the descriptor and outlives the borrow.
        unsafe { BorrowedFd::borrow_raw(self.vcpus[index].as_raw_fd()) }
    }

    /// Borrows the descriptor of the VM.
    pub(crate) fn vm(&self) -> BorrowedFd<'_> {
        // SAFETY: the VM owns the descriptor and outlives the borrow.
        unsafe { BorrowedFd::borrow_raw(self.vm.as_raw_fd()) }
    }
}
