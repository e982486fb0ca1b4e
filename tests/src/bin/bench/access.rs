//! A typed access against the raw ioctl.

use onereg_tests::instructions::instructions;

pub(crate) fn run() -> Result<(), String> {
    if cfg!(target_arch = "x86_64") {
        let instructions = instructions()?;
        println!(
            "  instructions of a read that succeeds: {} by hand, {} typed (target: the same)",
            instructions.by_hand.len(),
            instructions.typed.len()
        );
    }
    live::run()
}

// UNSAFETY: `kvm_ioctls` gives the file descriptor of a vCPU only as a number.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[expect(unsafe_code, reason = "a borrowed file descriptor is made of a number")]
mod live {
    use std::fs::File;
    use std::os::fd::{AsRawFd, BorrowedFd};

    use kvm_ioctls::Kvm;
    use onereg::kvm::Vcpu;
    use onereg::x86::{CSTAR, EFER};
    use onereg::{Registers, X86};

    use crate::best::{self, ratio};

    const ACCESSES: u32 = 2000;

    /// Reads an MSR of a vCPU on /dev/kvm: through another crate's binding of the ioctl, and through its constant.
    pub(super) fn run() -> Result<(), String> {
        if let Err(error) = File::open("/dev/kvm") {
            println!("  skipped on a vCPU: /dev/kvm: {error}");
            return Ok(());
        }
        let why = |error: kvm_ioctls::Error| error.to_string();
        let vm = Kvm::new().map_err(why)?.create_vm().map_err(why)?;
        let vcpu = vm.create_vcpu(0).map_err(why)?;
        // SAFETY: `vcpu` owns the descriptor and lives until the end of this function.
        let fd = unsafe { BorrowedFd::borrow_raw(vcpu.as_raw_fd()) };
        let typed = Vcpu::<X86>::over(&fd);
        let id = EFER.id().ok_or("EFER has no id")?;
        let mut bytes = [0; 8];
        let raw = best::of(9, || {
            (0..ACCESSES).filter(|_| vcpu.get_one_reg(id, &mut bytes).is_ok()).count()
        });
        let one = best::of(9, || (0..ACCESSES).filter(|_| typed.get(EFER).is_ok()).count());
        println!(
            "  EFER: {:.2?} by the raw ioctl, typed {:.2} times (target: 1.0)",
            raw / ACCESSES,
            ratio(one, raw)
        );
        let single = best::of(9, || typed.get(EFER).and_then(|_| typed.get(CSTAR)).is_ok());
        let many = best::of(9, || typed.get_many((EFER, CSTAR)).is_ok());
        println!("  two MSRs at once: {:.2} times two reads", ratio(many, single));
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
