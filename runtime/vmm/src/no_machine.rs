//! The machine of a host without KVM: nothing works, and everything says why.

use std::path::Path;
use std::time::Instant;

use crate::cli::RunOptions;
use crate::failure::Failure;
use crate::probe::Profile;

const WHY: &str = "this program was built for a host without KVM: run one built for Linux on x86_64, aarch64 or riscv64";

/// Fails.
pub(crate) fn run(_kvm: &Path, _options: &RunOptions, _start: Instant) -> Result<(), Failure> {
    Err(Failure::new(WHY))
}

/// Fails.
pub(crate) fn demo(_kvm: &Path) -> Result<(), Failure> {
    Err(Failure::new(WHY))
}

/// Fails.
pub(crate) fn check(_kvm: &Path) -> Result<(), Failure> {
    Err(Failure::new(WHY))
}

/// Fails.
pub(crate) fn probe(_kvm: &Path, _features: &str) -> Result<Profile, Failure> {
    Err(Failure::new(WHY))
}
