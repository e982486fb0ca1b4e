//! The external interrupt of a vCPU, which any thread may raise and lower while the vCPU runs.

// UNSAFETY: the KVM crate does not have KVM_INTERRUPT for this architecture.
#![expect(unsafe_code, reason = "KVM_INTERRUPT takes an address")]

use std::os::fd::{AsFd, OwnedFd};

use kvm_bindings::{KVM_INTERRUPT_SET, KVM_INTERRUPT_UNSET, KVMIO, kvm_interrupt};
use vmm_sys_util::ioctl::ioctl_with_ref;
use vmm_sys_util::ioctl_iow_nr;

use crate::failure::Failure;
use crate::machine::vcpu::Vcpu;

ioctl_iow_nr!(KVM_INTERRUPT, KVMIO, 0x86, kvm_interrupt);

/// The external interrupt of a vCPU.
pub(super) struct External(OwnedFd);

impl External {
    pub(super) fn of(vcpu: &Vcpu) -> Result<External, Failure> {
        let fd = vcpu.as_fd().try_clone_to_owned().map_err(|error| {
            Failure::new(format!("cannot share vCPU {} with its devices: {error}", vcpu.index()))
        })?;
        Ok(External(fd))
    }

    pub(super) fn set(&self, is_raised: bool) {
        let irq = if is_raised { KVM_INTERRUPT_SET } else { KVM_INTERRUPT_UNSET };
        let interrupt = kvm_interrupt { irq: irq as u32 };
        // SAFETY: KVM only reads the struct, which outlives the call. It refuses nothing but a wrong address.
        let _ = unsafe { ioctl_with_ref(&self.0, KVM_INTERRUPT(), &interrupt) };
    }
}
