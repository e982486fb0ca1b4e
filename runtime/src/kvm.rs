//! Register I/O on file descriptors of KVM.
//!
//! [`Vcpu`] reads and writes the registers of a vCPU by KVM_GET_ONE_REG, KVM_SET_ONE_REG and the other ioctls that the
//! tables name; [`Kvm`] asks /dev/kvm or a VM what it offers. Neither owns its file descriptor.

mod carriers;
mod groups;
mod ioctl;
mod masks;
mod msrs;
mod system;
mod vcpu;

pub use system::Kvm;
pub use vcpu::Vcpu;
