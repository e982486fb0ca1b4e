//! What /dev/kvm and a VM say of registers.

use std::io;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd};

use super::ioctl::{self, MsrList};
use super::{masks, msrs};
use crate::table::Info;

/// A borrowed file descriptor of /dev/kvm or of a VM.
#[derive(Debug, Clone, Copy)]
pub struct Kvm<'fd> {
    fd: BorrowedFd<'fd>,
}

impl<'fd> Kvm<'fd> {
    /// KVM_CAP_ONE_REG.
    pub const CAP_ONE_REG: u32 = 70;

    /// KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES.
    pub const CAP_ARM_SUPPORTED_REG_MASK_RANGES: u32 = 230;

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

    /// Returns the MSRs that describe this host with their values, by id (x86; KVM_GET_MSRS of /dev/kvm); `None` for one
    /// that the kernel lists but does not read.
    ///
    /// # Errors
    ///
    /// As [`Kvm::msr_feature_list`].
    pub fn msr_features(&self) -> io::Result<Vec<(u64, Option<u64>)>> {
        let indices = ioctl::msr_list(self.fd, MsrList::Feature)?;
        let mut features = Vec::with_capacity(indices.len());
        let _ = msrs::read(self.fd, indices.iter().copied(), |position, value| {
            let id = indices.get(position).and_then(|index| msrs::id(*index));
            features.extend(id.map(|id| (id, value.ok())));
            ControlFlow::Continue(())
        });
        Ok(features)
    }

    /// Returns arm64's ID registers with the bits of each that KVM_SET_ONE_REG may change (KVM_ARM_GET_REG_WRITABLE_MASKS,
    /// of a VM only); `None` where the kernel does not say, as before Linux 6.7 and on other architectures.
    ///
    /// # Errors
    ///
    /// Returns the error of an ioctl that the kernel has.
    pub fn writable_masks(&self) -> io::Result<Option<Vec<(&'static Info, u64)>>> {
        if self.capability(Self::CAP_ARM_SUPPORTED_REG_MASK_RANGES)? & 1 == 0 {
            return Ok(None);
        }
        masks::writable(self.fd).map(Some)
    }

    fn msr_ids(&self, which: MsrList) -> io::Result<Vec<u64>> {
        let list = ioctl::msr_list(self.fd, which)?;
        Ok(list.into_iter().filter_map(msrs::id).collect())
    }
}
