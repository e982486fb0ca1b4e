//! Complete state of vCPUs of this host's KVM: captured, restored into a vCPU of another VM, read back.
//!
//! Without /dev/kvm the tests fail where `CI=true`, and say that they skip elsewhere.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
// UNSAFETY: `kvm_ioctls` gives file descriptors only as numbers.
#![expect(unsafe_code, reason = "BorrowedFd of a number")]

use std::env;
use std::os::fd::{AsRawFd, BorrowedFd};

use kvm_bindings::KVM_MAX_CPUID_ENTRIES;
use kvm_ioctls::{Kvm, VcpuFd, VmFd};
use onereg::kvm::Vcpu;
use onereg::x86::{IA32_TSC, IA32_TSC_DEADLINE, MP_STATE, R15, RIP, STAR, XSAVE_XMM};
use onereg::{
    Arch, Capture, Class, FieldKind, Outcome, Present, Registers, RestoreOptions, StateFile,
    Unknown, VcpuState, VmWide, Width, X86,
};

/// A VM with an in-kernel interrupt controller and vCPUs that have the CPUID which KVM supports.
struct Machine {
    kvm: Kvm,
    vcpus: Vec<VcpuFd>,
    _vm: VmFd,
}

impl Machine {
    /// Creates one; `None`, said aloud, where there is no KVM and none was promised.
    fn new(vcpus: u64) -> Option<Machine> {
        let kvm = match Kvm::new() {
            Ok(kvm) => kvm,
            Err(error) if env::var_os("CI").is_some_and(|value| value == "true") => {
                panic!("CI=true promises /dev/kvm, but it does not open: {error}")
            }
            Err(error) => {
                println!("skipped: /dev/kvm does not open: {error}");
                return None;
            }
        };
        let vm = kvm.create_vm().unwrap();
        vm.create_irq_chip().unwrap();
        let cpuid = kvm.get_supported_cpuid(KVM_MAX_CPUID_ENTRIES).unwrap();
        let vcpus = (0..vcpus).map(|index| vm.create_vcpu(index).unwrap());
        let vcpus: Vec<VcpuFd> = vcpus.inspect(|vcpu| vcpu.set_cpuid2(&cpuid).unwrap()).collect();
        Some(Machine { kvm, vcpus, _vm: vm })
    }

    fn fd(&self, index: usize) -> BorrowedFd<'_> {
        // SAFETY: the vCPU owns the descriptor and outlives the borrow.
        unsafe { BorrowedFd::borrow_raw(self.vcpus[index].as_raw_fd()) }
    }

    fn capture(&self, index: usize) -> Capture {
        // SAFETY: the device owns the descriptor and outlives the borrow.
        let kvm = unsafe { BorrowedFd::borrow_raw(self.kvm.as_raw_fd()) };
        let fd = self.fd(index);
        let vcpu = Vcpu::<X86>::over(&fd);
        let ids = vcpu.listed_ids(&onereg::kvm::Kvm::over(&kvm)).unwrap();
        let present = ids.as_deref().map_or(Present::Table, Present::Listed);
        VcpuState::capture(&vcpu, present, Unknown::Refuse).unwrap()
    }
}

#[test]
fn a_restored_vcpu_has_the_captured_state() {
    let Some(machine) = Machine::new(1) else { return };
    let fd = machine.fd(0);
    let vcpu = Vcpu::<X86>::over(&fd);
    vcpu.set_many((R15, RIP, STAR, XSAVE_XMM[3]), (1, 2, 3, 4)).unwrap();
    vcpu.set(IA32_TSC_DEADLINE, vcpu.get(IA32_TSC).unwrap() + (1 << 40)).unwrap();
    let Capture { state, absent, skipped } = machine.capture(0);
    assert!(skipped.is_empty());
    println!("{} registers, {} absent", state.registers().len(), absent.len());
    assert!(state.registers().len() > 400);

    let other = Machine::new(1).unwrap();
    let fd = other.fd(0);
    let target = Vcpu::<X86>::over(&fd);
    let restored = state.restore(&target, &RestoreOptions::default()).unwrap();
    let written = restored.count(Outcome::Written);
    println!("{written} written, {} the same", restored.count(Outcome::Same));
    assert_eq!(restored.count(Outcome::Pending), 0);
    let differences = state.verify(&target).unwrap();
    for difference in &differences {
        assert!(difference.may_differ(), "{difference}");
    }
    let again = other.capture(0).state;
    for difference in state.differences(&again) {
        assert!(difference.may_differ(), "{difference}");
    }
}

/// Numbers that look random and are the same in every run.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state ^ *state >> 29
}

/// Writes values that the fields allow to every register that takes them, one after the other; returns how many did.
fn fill(vcpu: &Vcpu<'_, X86>) -> usize {
    let mut seed = 7;
    let mut taken = 0;
    // Events before what an INIT resets: kvm_pvm resets FS and GS, but not their bases as MSRs.
    for info in X86::TABLE.registers.iter().rev().filter(|info| info.row.class == Class::State) {
        let mut value: Vec<u8> =
            (0..info.place.size(vcpu.host())).map(|_| random(&mut seed) as u8).collect();
        if let Some(bits) = value.first_chunk_mut::<8>().filter(|_| !info.row.fields.is_empty()) {
            let reserved = info.row.fields.iter().filter(|field| field.kind.is_reserved());
            let legal = reserved.fold(u128::from(u64::from_le_bytes(*bits)), |bits, field| {
                let ones = u128::MAX >> (128 - field.width());
                let reserved = if field.kind == FieldKind::Res1 { ones } else { 0 };
                field.insert(bits, reserved).unwrap()
            });
            *bits = (legal as u64).to_le_bytes();
        }
        // Without fields it may be an address, which has to be canonical.
        if info.row.width == Width::Bits(64) && info.row.fields.is_empty() {
            value[5] &= 0x7f;
            value[6..].fill(0);
        }
        taken += usize::from(vcpu.write_bytes(info.place, &value).is_ok());
        // Delivers an INIT that this has latched.
        vcpu.get(MP_STATE).unwrap();
    }
    taken
}

#[test]
fn a_filled_vcpu_is_restored() {
    let Some(machine) = Machine::new(1) else { return };
    let fd = machine.fd(0);
    let taken = fill(&Vcpu::<X86>::over(&fd));
    let state = machine.capture(0).state;
    let not_zero = state.registers().filter(|saved| saved.value().iter().any(|byte| *byte != 0));
    println!("{taken} registers took a value, {} are not zero", not_zero.count());
    assert!(taken > 200, "{taken}");
    let bytes = StateFile { vcpus: vec![state] }.to_bytes();
    let state = &StateFile::from_bytes(&bytes).unwrap().vcpus[0];

    let other = Machine::new(1).unwrap();
    let fd = other.fd(0);
    let target = Vcpu::<X86>::over(&fd);
    state.restore(&target, &RestoreOptions::default()).unwrap();
    for difference in state.verify(&target).unwrap() {
        assert!(difference.may_differ(), "{difference}");
    }
}

#[test]
fn every_vcpu_of_a_vm_is_restored() {
    let Some(machine) = Machine::new(2) else { return };
    let states = [machine.capture(0).state, machine.capture(1).state];
    let other = Machine::new(2).unwrap();
    for (index, (state, vm_wide)) in states.iter().zip([VmWide::Write, VmWide::Leave]).enumerate() {
        let fd = other.fd(index);
        let target = Vcpu::<X86>::over(&fd);
        let options = RestoreOptions { vm_wide, ..RestoreOptions::default() };
        state.restore(&target, &options).unwrap();
    }
    for (index, state) in states.iter().enumerate() {
        let fd = other.fd(index);
        for difference in state.verify(&Vcpu::<X86>::over(&fd)).unwrap() {
            assert!(difference.may_differ(), "vCPU {index}: {difference}");
        }
    }
}
