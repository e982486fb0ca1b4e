//! The architecture of the host: one file each, with the same names.
//!
//! `Host` is the architecture, `configurations` lists how a vCPU can be set up, `create` sets one up and `finalize`
//! completes it, `add` adds another one like it, `MEASURED` names those that a benchmark is worth, `is_one_of_many` says
//! which are left out where time matters, `facts` says what is known of it, `lists` what the kernel lists, `PROBED` is the
//! configuration that `onereg-vmm probe` shows, `first_run`
//! counts as the first KVM_RUN, `make_runnable` does what a run needs beyond registers, `can_fill` says which registers may
//! have any value, `runs_guest` and `guest_can_see` say what the guest is for, `msr` says which ids are those of MSRs,
//! `STRUCT_PER_REGISTER` whether registers in structs cross one by one without this project, `reads_absent` whether a VMM
//! reads a register that the vCPU does not have, and `orders` breaks the rules of order that no row says.

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
    Configuration, Host, MEASURED, PROBED, STRUCT_PER_REGISTER, add, can_fill, configurations,
    create, facts, finalize, first_run, guest_can_see, is_one_of_many, lists, make_runnable, msr,
    orders, reads_absent, runs_guest,
};
