//! Complete state of vCPUs of this host's KVM: captured, restored into a vCPU of another VM, read back.
//!
//! Without /dev/kvm the tests fail where `CI=true`, and say that they skip elsewhere.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod machine;

use onereg::kvm::Vcpu;
use onereg::x86::{
    CSTAR, IA32_ARCH_CAPABILITIES, IA32_TSC, IA32_TSC_DEADLINE, MP_STATE, R15, RIP, XSAVE_XMM,
};
use onereg::{
    Arch, Capture, Class, FieldKind, Outcome, Present, Registers, RestoreOptions, StateFile,
    Unknown, VcpuState, VmWide, Width, X86,
};

use machine::Machine;

/// A VM with an in-kernel interrupt controller.
fn create(vcpus: u64) -> Option<Machine> {
    Machine::new(vcpus, |vm| vm.create_irq_chip().unwrap())
}

fn capture(machine: &Machine, index: usize) -> Capture {
    let (kvm, vm, fd) = (machine.kvm(), machine.vm(), machine.vcpu(index));
    let vcpu = Vcpu::<X86>::over(&fd).within(&vm);
    let ids = vcpu.listed_ids(&onereg::kvm::Kvm::over(&kvm)).unwrap();
    let present = ids.as_deref().map_or(Present::Table, Present::Listed);
    VcpuState::capture(&vcpu, present, Unknown::Refuse).unwrap()
}

#[test]
fn a_restored_vcpu_has_the_captured_state() {
    let Some(machine) = create(1) else { return };
    let (fd, vm) = (machine.vcpu(0), machine.vm());
    let vcpu = Vcpu::<X86>::over(&fd).within(&vm);
    vcpu.set_many((R15, RIP, CSTAR, XSAVE_XMM[3]), (1, 2, 3, 4)).unwrap();
    vcpu.set(IA32_TSC_DEADLINE, vcpu.get(IA32_TSC).unwrap() + (1 << 40)).unwrap();
    let Capture { state, absent, skipped } = capture(&machine, 0);
    assert!(skipped.is_empty());
    println!("{} registers, {} absent", state.registers().len(), absent.len());
    assert!(state.registers().len() > 400);

    let other = create(1).unwrap();
    let (fd, vm) = (other.vcpu(0), other.vm());
    let target = Vcpu::<X86>::over(&fd).within(&vm);
    let restored = state.restore(&target, &RestoreOptions::default()).unwrap();
    let written = restored.count(Outcome::Written);
    println!("{written} written, {} the same", restored.count(Outcome::Same));
    assert_eq!(restored.count(Outcome::Pending), 0);
    let differences = state.verify(&target).unwrap();
    for difference in &differences {
        assert!(difference.may_differ(), "{difference}");
    }
    let again = capture(&other, 0).state;
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
    let Some(machine) = create(1) else { return };
    let fd = machine.vcpu(0);
    let taken = fill(&Vcpu::<X86>::over(&fd));
    let state = capture(&machine, 0).state;
    let not_zero = state.registers().filter(|saved| saved.value().iter().any(|byte| *byte != 0));
    println!("{taken} registers took a value, {} are not zero", not_zero.count());
    assert!(taken > 200, "{taken}");
    let bytes = StateFile { vcpus: vec![state] }.to_bytes();
    let state = &StateFile::from_bytes(&bytes).unwrap().vcpus[0];

    let other = create(1).unwrap();
    let (fd, vm) = (other.vcpu(0), other.vm());
    let target = Vcpu::<X86>::over(&fd).within(&vm);
    state.restore(&target, &RestoreOptions::default()).unwrap();
    for difference in state.verify(&target).unwrap() {
        assert!(difference.may_differ(), "{difference}");
    }
}

#[test]
fn every_vcpu_of_a_vm_is_restored() {
    let Some(machine) = create(2) else { return };
    let states = [capture(&machine, 0).state, capture(&machine, 1).state];
    let other = create(2).unwrap();
    for (index, (state, vm_wide)) in states.iter().zip([VmWide::Write, VmWide::Leave]).enumerate() {
        let (fd, vm) = (other.vcpu(index), other.vm());
        let target = Vcpu::<X86>::over(&fd).within(&vm);
        let options = RestoreOptions { vm_wide, ..RestoreOptions::default() };
        state.restore(&target, &options).unwrap();
    }
    for (index, state) in states.iter().enumerate() {
        let (fd, vm) = (other.vcpu(index), other.vm());
        for difference in state.verify(&Vcpu::<X86>::over(&fd).within(&vm)).unwrap() {
            assert!(difference.may_differ(), "vCPU {index}: {difference}");
        }
    }
}

/// Bug 10 of `runtime/tests/state/regressions.rs`: since Linux 6.13 this register reads 0 until the vCPU has its CPUID.
#[test]
fn a_capability_is_not_lost_on_a_vcpu_without_cpuid() {
    let Some(mut machine) = create(1) else { return };
    let state = capture(&machine, 0).state;
    let saved = state.register("IA32_ARCH_CAPABILITIES").unwrap();
    println!("{saved}");
    machine.vcpus.push(machine.vm.create_vcpu(1).unwrap());
    let fd = machine.vcpu(1);
    let target = Vcpu::<X86>::over(&fd);
    match state
        .restore(&target, &RestoreOptions { vm_wide: VmWide::Leave, ..RestoreOptions::default() })
    {
        Ok(_) => {
            assert_eq!(
                target.get(IA32_ARCH_CAPABILITIES).unwrap().bits().to_ne_bytes(),
                saved.value()
            )
        }
        Err(error) => assert!(error.to_string().contains("IA32_ARCH_CAPABILITIES (0x"), "{error}"),
    }
}
