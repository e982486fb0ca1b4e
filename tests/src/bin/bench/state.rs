//! Complete state of a vCPU, against one register at a time.

use onereg::{Arm64, Host, Memory, Place, Present, Registers, Unknown, VcpuState};

use crate::best::{self, ratio};

pub(crate) fn run() -> Result<(), String> {
    in_memory()?;
    live::run()
}

/// Where one access per register is the floor, nothing may come on top of it.
fn in_memory() -> Result<(), String> {
    let vcpu = Memory::<Arm64>::new(Host::LP64);
    let captured = VcpuState::capture(&vcpu, Present::Table, Unknown::Refuse);
    let mut state = captured.map_err(|error| error.to_string())?.state;
    let places: Vec<Place> = places(&state);
    let bare = best::of(50, || read_each(&vcpu, &places));
    let again = best::of(50, || state.recapture(&vcpu).is_ok());
    println!(
        "  arm64 in memory, {} registers: {:.2} times the bare loop (target: 1.1, with accesses of microseconds)",
        places.len(),
        ratio(again, bare)
    );
    Ok(())
}

fn places(state: &VcpuState) -> Vec<Place> {
    state.registers().filter_map(|saved| saved.info()).map(|info| info.place).collect()
}

fn read_each<A: onereg::Arch>(vcpu: &impl Registers<A>, places: &[Place]) -> usize {
    let mut buffer = vec![0; 8192];
    let mut read = 0;
    for place in places {
        let value = &mut buffer[..place.size(vcpu.host())];
        read += usize::from(vcpu.read_bytes(*place, value).is_ok());
    }
    read
}

// UNSAFETY: `kvm_ioctls` gives file descriptors only as numbers.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[expect(unsafe_code, reason = "a borrowed file descriptor is made of a number")]
mod live {
    use std::fs::File;
    use std::os::fd::{AsRawFd, BorrowedFd};

    use kvm_bindings::KVM_MAX_CPUID_ENTRIES;
    use kvm_ioctls::Kvm;
    use onereg::kvm::Vcpu;
    use onereg::{Present, RestoreOptions, StateFile, Unknown, VcpuState, X86};

    use super::{places, read_each};
    use crate::best::{self, ratio};

    /// Captures and restores a vCPU on /dev/kvm.
    pub(super) fn run() -> Result<(), String> {
        if let Err(error) = File::open("/dev/kvm") {
            println!("  skipped on a vCPU: /dev/kvm: {error}");
            return Ok(());
        }
        let why = |error: kvm_ioctls::Error| error.to_string();
        let kvm = Kvm::new().map_err(why)?;
        let vm = kvm.create_vm().map_err(why)?;
        vm.create_irq_chip().map_err(why)?;
        let vcpu = vm.create_vcpu(0).map_err(why)?;
        let cpuid = kvm.get_supported_cpuid(KVM_MAX_CPUID_ENTRIES).map_err(why)?;
        vcpu.set_cpuid2(&cpuid).map_err(why)?;
        // SAFETY: `vcpu` and `kvm` own the descriptors and live until the end of this function.
        let (fd, system) = unsafe {
            (BorrowedFd::borrow_raw(vcpu.as_raw_fd()), BorrowedFd::borrow_raw(kvm.as_raw_fd()))
        };
        let vcpu = Vcpu::<X86>::over(&fd);
        let ids = vcpu.listed_ids(&onereg::kvm::Kvm::over(&system)).map_err(|e| e.to_string())?;
        let present = ids.as_deref().map_or(Present::Table, Present::Listed);
        let capture = || VcpuState::capture(&vcpu, present, Unknown::Refuse);
        let mut state = capture().map_err(|error| error.to_string())?.state;
        let places = places(&state);
        let single = best::of(9, || read_each(&vcpu, &places));
        let first = best::of(9, || capture().is_ok());
        let again = best::of(9, || state.recapture(&vcpu).is_ok());
        let restore = best::of(9, || state.restore(&vcpu, &RestoreOptions::default()).is_ok());
        println!(
            "  x86, {} registers: {single:.2?} one at a time; captured {:.2} times, again {:.2} (target: 0.33)",
            places.len(),
            ratio(first, single),
            ratio(again, single)
        );
        println!("  restored: {restore:.2?}, {:.2} times", ratio(restore, single));
        let file = StateFile { vcpus: vec![state] };
        let bytes = file.to_bytes();
        let read = best::of(9, || StateFile::from_bytes(&bytes).is_ok());
        println!("  its file: {} bytes, read in {read:.2?}", bytes.len());
        Ok(())
    }
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
mod live {
    pub(super) fn run() -> Result<(), String> {
        println!("  skipped on a vCPU: only written for x86-64");
        Ok(())
    }
}
