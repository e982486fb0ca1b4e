//! The lab: emulated hosts of four architectures whose kernels offer a real `/dev/kvm`.
//!
//! Reading order: [`hosts`] (what there is), [`options`] (what the user asks), [`session`] (one run, start to end), and
//! what a run needs: [`tools`] (installed packages), [`kernels`] (fetched ones), [`program`] (cross-built),
//! [`initramfs`] and [`machine`] (QEMU). The init of the hosts is the package `onereg-lab-init`.

pub mod failure;
pub mod hosts;
pub mod initramfs;
pub mod kernels;
pub mod list;
pub mod machine;
pub mod modules;
pub mod options;
pub mod other_vmm;
pub mod program;
pub mod session;
// A link to the VMM's own file.
mod size;
pub mod tools;
pub mod version;
