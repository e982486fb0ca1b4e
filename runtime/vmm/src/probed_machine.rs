//! A machine of an architecture whose vCPUs can be probed but run no guest yet.

// UNSAFETY: VMs and vCPUs are created by ioctl.
#![expect(
    unsafe_code,
    reason = "KVM_CREATE_VM and KVM_CREATE_VCPU return file descriptors as numbers"
)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::time::Instant;

use onereg::kvm::{Kvm, Vcpu};

use crate::cli::RunOptions;
use crate::failure::Failure;
use crate::probe::{self, About, Profile};

#[cfg(target_arch = "loongarch64")]
type Host = onereg::Loongarch;
#[cfg(target_arch = "mips64")]
type Host = onereg::Mips;
#[cfg(target_arch = "powerpc64")]
type Host = onereg::Powerpc;
#[cfg(target_arch = "s390x")]
type Host = onereg::S390;

/// Bits of an ioctl that carries nothing: powerpc and mips say so.
const NONE: u32 =
    if cfg!(any(target_arch = "powerpc64", target_arch = "mips64")) { 1 << 29 } else { 0 };
const KVM_CREATE_VM: u32 = NONE | 0xae01;
const KVM_CREATE_VCPU: u32 = NONE | 0xae41;

const NO_GUEST: &str =
    "this version runs guests on x86_64, aarch64 and riscv64: on this host only `probe` does more";

/// Refuses.
pub(crate) fn run(_kvm: &Path, _options: &RunOptions, _start: Instant) -> Result<(), Failure> {
    Err(Failure::new(NO_GUEST))
}

/// Refuses.
pub(crate) fn demo(_kvm: &Path) -> Result<(), Failure> {
    Err(Failure::new(NO_GUEST))
}

/// Says that there is no guest for this host.
pub(crate) fn check(_kvm: &Path) -> Result<(), Failure> {
    Err(Failure::new(NO_GUEST))
}

/// Reads the profile of a vCPU; it has no features to choose from.
pub(crate) fn probe(path: &Path, features: &str) -> Result<Profile, Failure> {
    if !matches!(features, "all" | "none") {
        return Err(Failure::new(format!(
            "unknown features `{features}`: on this architecture give `all` or `none`"
        )));
    }
    let fail = |what: &str, error: io::Error| {
        Failure::new(format!("cannot {what} {}: {error}", path.display()))
    };
    let device =
        File::options().read(true).write(true).open(path).map_err(|error| fail("open", error))?;
    let vm = create(&device, KVM_CREATE_VM)
        .map_err(|error| fail("create a VM (KVM_CREATE_VM) on", error))?;
    let vcpu = create(&vm, KVM_CREATE_VCPU)
        .map_err(|error| fail("create a vCPU (KVM_CREATE_VCPU) on", error))?;
    let one_reg =
        Kvm::over(&device).capability(Kvm::CAP_ONE_REG).map_err(|error| fail("ask", error))?;
    let vcpu = Vcpu::<Host>::over(&vcpu);
    // Only mips has the list; the others' tables are all there is.
    let listed = vcpu.reg_list().unwrap_or_default();
    probe::profile(&vcpu, BTreeMap::from([("KVM_CAP_ONE_REG", one_reg)]), &listed, About::default())
}

/// Creates a VM or the vCPU 0 of one.
fn create(parent: &impl AsRawFd, request: u32) -> io::Result<OwnedFd> {
    // SAFETY: both ioctls take a number (a VM's type, a vCPU's index) and touch no memory.
    let fd = unsafe { libc::ioctl(parent.as_raw_fd(), request as libc::Ioctl, 0 as libc::c_ulong) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the ioctl has just opened this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
