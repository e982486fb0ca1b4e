//! The architecture of the host: one file each, with the same names.
//!
//! `Host` is the architecture, `configurations` lists how a vCPU can be set up, `create` sets one up and `finalize`
//! completes it, `is_one_of_many` says which are left out where time matters, `facts` says what is known of it, `lists` what the kernel lists, `first_run` counts as the first KVM_RUN,
//! `PROBED` is the configuration that `onereg-vmm probe` shows, `READS_ABSENT` says whether a VMM reads registers that the vCPU does not have, and `orders` breaks the rules of order
//! that no row says.

#[cfg(target_arch = "aarch64")]
#[path = "arch/aarch64.rs"]
mod native;
#[cfg(target_arch = "powerpc64")]
#[path = "arch/powerpc64.rs"]
mod native;
#[cfg(target_arch = "riscv64")]
#[path = "arch/riscv64.rs"]
mod native;
#[cfg(target_arch = "x86_64")]
#[path = "arch/x86_64.rs"]
mod native;

pub(crate) use native::{
    Configuration, Host, PROBED, READS_ABSENT, configurations, create, facts, finalize, first_run,
    is_one_of_many, lists, orders,
};
