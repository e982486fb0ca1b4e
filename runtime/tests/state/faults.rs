//! An access that fails, at every position.

use onereg::{
    Arch, Arm64, CaptureError, Faulty, Host, Loongarch, Memory, Mips, Outcome, Powerpc, Present,
    Refusal, Registers, RestoreError, RestoreOptions, Riscv, S390, Unknown, VcpuState, X86,
};

use crate::{capture, fill, read};

const EIO: i32 = 5;

/// Returns the one register that failed, and how many were written.
fn refused(error: &RestoreError) -> (&'static str, usize) {
    let RestoreError::Refused { refusals, written, .. } = error else {
        panic!("{error}");
    };
    let [Refusal::Access(failed)] = refusals.as_slice() else {
        panic!("{error}");
    };
    assert!(error.to_string().contains("the vCPU must not run"), "{error}");
    (failed.name().unwrap(), *written)
}

fn every_capture_fails_at<A: Arch>(step: u64) {
    let vcpu = Memory::<A>::new(Host::LP64);
    let reads = {
        let counted = Faulty::new(vcpu.clone());
        capture(&counted);
        counted.accesses()
    };
    for number in (0..reads).step_by(step as usize) {
        let faulty = Faulty::new(vcpu.clone()).failing_access(number, EIO);
        let error = VcpuState::capture(&faulty, Present::Table, Unknown::Refuse).unwrap_err();
        let CaptureError::Unreadable(errors) = &error else { panic!("{error}") };
        assert_eq!(errors.len(), 1, "{error}");
        let name = errors[0].name().unwrap();
        assert_eq!(errors[0].kind(), onereg::ErrorKind::Errno(EIO));
        assert!(error.to_string().contains(&format!(" {name} (")), "{error}");
    }
}

#[test]
fn a_failed_read_fails_the_capture_and_is_named() {
    every_capture_fails_at::<S390>(1);
    every_capture_fails_at::<Arm64>(1);
    every_capture_fails_at::<Riscv>(1);
    every_capture_fails_at::<Loongarch>(5);
    every_capture_fails_at::<Mips>(5);
    every_capture_fails_at::<Powerpc>(5);
    every_capture_fails_at::<X86>(7);
}

#[test]
fn a_block_that_is_not_taken_is_named() {
    use onereg::x86::carrier::NESTED;
    let vcpu = Memory::<X86>::new(Host::LP64);
    vcpu.write_block(&NESTED, &[7; 300]).unwrap();
    let state = capture(&vcpu);
    let block = onereg::Place::Via { carrier: &NESTED, offset: 0, size: 0 };
    let target = Memory::<X86>::new(Host::LP64);
    let target = Faulty::new(target).failing_at(onereg::Operation::Set, block, 22);
    let error = state.restore(&target, &RestoreOptions::default()).unwrap_err();
    assert_eq!(refused(&error).0, "nested");
    let text = error.to_string();
    let expected = "KVM_SET_NESTED_STATE x86 nested (kvm_nested_state): EINVAL (22): ";
    assert!(text.starts_with(expected) && text.contains("phase nested"), "{text}");
}

fn every_restore_fails_at<A: Arch>(step: u64) {
    let vcpu = Memory::<A>::new(Host::LP64);
    fill(&vcpu, 7);
    let state = capture(&vcpu);
    let options = RestoreOptions::default();
    // Only what must match is in place.
    let target = || {
        let target = Memory::<A>::new(Host::LP64);
        crate::regressions::make_alike(&vcpu, &target);
        target
    };
    let counted = Faulty::new(target());
    let complete = state.restore(&counted, &options).unwrap();
    let total = complete.count(Outcome::Written);
    for number in (0..counted.accesses()).step_by(step as usize) {
        let faulty = Faulty::new(target()).failing_access(number, EIO);
        let error = state.restore(&faulty, &options).unwrap_err();
        let (name, written) = refused(&error);
        // What has its value already is not written without the fault either.
        let same = usize::from(read(&vcpu, name) == read(&target(), name));
        assert!(written < total + same, "{name}: {written} of {total}");
        // Tried again without the fault, it is complete.
        let again = state.restore(faulty.inner(), &options).unwrap();
        assert_eq!(again.count(Outcome::Pending), 0, "{name}");
    }
}

#[test]
fn a_failed_access_fails_the_restore_and_is_named() {
    every_restore_fails_at::<S390>(1);
    every_restore_fails_at::<Riscv>(1);
    every_restore_fails_at::<Arm64>(5);
    every_restore_fails_at::<Loongarch>(5);
    every_restore_fails_at::<Mips>(5);
    every_restore_fails_at::<Powerpc>(5);
    every_restore_fails_at::<X86>(11);
}
