//! What /dev/kvm and a VM say of registers.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use super::ioctl::{self, MsrList};
use super::msrs;

/// A borrowed file descriptor of /dev/kvm or of a VM.
#[derive(Debug, Clone, Copy)]
pub struct Kvm<'fd> {
    fd: BorrowedFd<'fd>,
}

impl<'fd> Kvm<'fd> {
    /// KVM_CAP_ONE_REG.
    pub const CAP_ONE_REG: u32 = 70;

    /// Adopts a file descriptor of /dev/kvm or of a VM.
    pub fn over(fd: &'fd impl AsFd) -> Self {
        Kvm { fd: fd.as_fd() }
    }

    /// Returns the value of a capability by KVM_CHECK_EXTENSION; 0 where the kernel does not have it.
    ///
    /// # Errors
    ///
    /// Returns the error of the ioctl: ENOTTY when the file descriptor is not one of KVM.
    pub fn capability(&self, number: u32) -> io::Result<u32> {
        ioctl::check_extension(self.fd, number)
    }

    /// Returns whether vCPUs have KVM_GET_ONE_REG: all but those of x86 before Linux 6.18, where [`Vcpu`](super::Vcpu)
    /// takes KVM_GET_MSRS instead.
    ///
    /// # Errors
    ///
    /// Returns the error of KVM_CHECK_EXTENSION.
    pub fn has_one_reg(&self) -> io::Result<bool> {
        self.capability(Self::CAP_ONE_REG).map(|value| value != 0)
    }

    /// Returns the ids of the MSRs that vCPUs of this host may have (x86; KVM_GET_MSR_INDEX_LIST, /dev/kvm only).
    ///
    /// # Errors
    ///
    /// Returns the error of the ioctl: EINVAL or ENOTTY on other architectures.
    pub fn msr_list(&self) -> io::Result<Vec<u64>> {
        self.msr_ids(MsrList::Index)
    }

    /// Returns the ids of the MSRs that describe this host (x86; KVM_GET_MSR_FEATURE_INDEX_LIST, /dev/kvm only).
    ///
    /// # Errors
    ///
    /// Returns the error of the ioctl: EINVAL or ENOTTY on other architectures.
    pub fn msr_feature_list(&self) -> io::Result<Vec<u64>> {
        self.msr_ids(MsrList::Feature)
    }

    fn msr_ids(&self, which: MsrList) -> io::Result<Vec<u64>> {
        let list = ioctl::msr_list(self.fd, which)?;
        Ok(list.into_iter().map(msrs::id).collect())
    }
}
