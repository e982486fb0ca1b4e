//! Ids without a row, registers that a vCPU lacks, states that a vCPU cannot take.

use onereg::arm64::{PC, X};
use onereg::{
    Arch, Arm64, CaptureError, Faulty, Host, Memory, Operation, Outcome, Place, Present, Refusal,
    Registers, RestoreError, RestoreOptions, Riscv, Unknown, VcpuState, X86,
};

use crate::{capture, read};

/// A vCPU with two registers that the table has and one that it has not.
fn vcpu_of_the_future() -> (Memory<Arm64>, [u64; 3]) {
    let pc = PC.id().unwrap();
    let ids = [pc, X[3].id().unwrap(), pc | 0xf000];
    let vcpu = Memory::<Arm64>::holding(Host::LP64, ids.map(Place::OneReg));
    vcpu.write_bytes(Place::OneReg(ids[2]), &7u64.to_ne_bytes()).unwrap();
    (vcpu, ids)
}

#[test]
fn unknown_ids_are_refused_by_default() {
    let (vcpu, ids) = vcpu_of_the_future();
    let error = VcpuState::capture(&vcpu, Present::Listed(&ids), Unknown::default()).unwrap_err();
    assert!(matches!(&error, CaptureError::Unknown { ids: found, .. } if *found == [ids[2]]));
    assert!(error.to_string().contains(&format!("{:#018x}", ids[2])), "{error}");
}

#[test]
fn skipped_ids_are_returned() {
    let (vcpu, ids) = vcpu_of_the_future();
    let captured = VcpuState::capture(&vcpu, Present::Listed(&ids), Unknown::Skip).unwrap();
    assert_eq!(captured.skipped, [ids[2]]);
    assert_eq!(captured.state.registers().len(), 2);
}

#[test]
fn carried_ids_come_back_after_everything_else() {
    let (vcpu, ids) = vcpu_of_the_future();
    let captured = VcpuState::capture(&vcpu, Present::Listed(&ids), Unknown::Carry).unwrap();
    assert!(captured.skipped.is_empty());
    let carried = captured.state.registers().last().unwrap();
    assert_eq!((carried.id(), carried.name()), (Some(ids[2]), ""));
    let target = Memory::<Arm64>::holding(Host::LP64, ids.map(Place::OneReg));
    let refused = captured.state.restore(&target, &RestoreOptions::default()).unwrap_err();
    assert!(matches!(refused, RestoreError::Unknown { .. }), "{refused}");
    let options = |unknown| RestoreOptions { unknown, ..RestoreOptions::default() };
    let restored = captured.state.restore(&target, &options(Unknown::Skip)).unwrap();
    assert_eq!(restored.outcomes().last(), Some(&Outcome::Dropped));
    captured.state.restore(&target, &options(Unknown::Carry)).unwrap();
    let mut value = [0; 8];
    target.read_bytes(Place::OneReg(ids[2]), &mut value).unwrap();
    assert_eq!(value, 7u64.to_ne_bytes());
}

#[test]
fn an_id_of_another_size_is_not_the_register() {
    let id = PC.id().unwrap() ^ 1 << 52;
    let vcpu = Memory::<Arm64>::holding(Host::LP64, [Place::OneReg(id)]);
    assert!(VcpuState::capture(&vcpu, Present::Listed(&[id]), Unknown::Refuse).is_err());
}

#[test]
fn rows_that_a_vcpu_lacks_are_returned() {
    use onereg::x86::{EFER, RAX};
    let vcpu = Memory::<X86>::holding(Host::LP64, [EFER.place(), RAX.place()]);
    let captured = VcpuState::capture(&vcpu, Present::Table, Unknown::Refuse).unwrap();
    assert_eq!(captured.state.registers().len(), 2);
    assert!(captured.absent.iter().any(|error| error.name() == Some("LSTAR")));
}

/// powerpc answers EPERM for VP_STATE where the VM's interrupt controller is another one.
#[test]
fn what_is_refused_for_want_of_a_device_is_absent() {
    let vp_state = onereg::Powerpc::TABLE.by_name("VP_STATE").unwrap().place;
    let vcpu = Faulty::new(Memory::<onereg::Powerpc>::new(Host::LP64));
    let vcpu = vcpu.failing_at(Operation::Get, vp_state, 1);
    let captured = VcpuState::capture(&vcpu, Present::Table, Unknown::Refuse).unwrap();
    assert_eq!(captured.absent.iter().map(|error| error.name()).next(), Some(Some("VP_STATE")));
    assert!(captured.state.register("VP_STATE").is_none());
}

/// mips lists the floating-point registers of a vCPU without them; arm64 those of SVE before the vCPU is finalized.
#[test]
fn a_listed_register_with_conditions_is_absent_only_by_einval() {
    let vcpu = || Memory::<Arm64>::new(Host::LP64);
    let z0 = Arm64::TABLE.by_name("Z0").unwrap().place;
    let ids = [z0.id(Host::LP64).unwrap(), PC.id().unwrap()];
    let capture = |errno| {
        let vcpu = Faulty::new(vcpu()).failing_at(Operation::Get, z0, errno);
        VcpuState::capture(&vcpu, Present::Listed(&ids), Unknown::Refuse)
    };
    assert_eq!(capture(22).unwrap().absent.iter().filter(|e| e.name() == Some("Z0")).count(), 1);
    let error = capture(1).unwrap_err().to_string();
    assert!(error.contains("Z0 (0x608") && error.contains("EPERM (1): an SVE register"), "{error}");
    let pc = Faulty::new(vcpu()).failing_at(Operation::Get, PC.place(), 22);
    assert!(VcpuState::capture(&pc, Present::Listed(&ids), Unknown::Refuse).is_err());
}

#[test]
fn a_promised_register_that_cannot_be_read_fails_the_capture() {
    let ids = [PC.id().unwrap(), X[3].id().unwrap()];
    let vcpu = Memory::<Arm64>::holding(Host::LP64, [PC.place()]);
    let error = VcpuState::capture(&vcpu, Present::Listed(&ids), Unknown::Refuse).unwrap_err();
    assert!(error.to_string().contains("X3 (0x6030000000100006)"), "{error}");
}

#[test]
fn a_state_of_another_kind_is_refused_before_the_first_write() {
    let state = capture(&Memory::<Riscv>::new(Host::new(64, 16).unwrap()));
    let options = RestoreOptions::default();
    let error = state.restore(&Memory::<X86>::new(Host::LP64), &options).unwrap_err();
    assert!(error.to_string().contains("a state of riscv cannot be restored"), "{error}");
    let other = Memory::<Riscv>::new(Host::new(64, 32).unwrap());
    let error = state.restore(&other, &options).unwrap_err();
    assert_eq!(error.to_string(), "the vector length of the state is 16, that of the vCPU 32");
    let other = Memory::<Riscv>::new(Host::new(32, 16).unwrap());
    let error = state.restore(&other, &options).unwrap_err();
    assert_eq!(error.to_string(), "the XLEN of the state is 64, that of the vCPU 32");
}

#[test]
fn what_must_match_is_named_with_both_values() {
    let vcpu = Memory::<Riscv>::new(Host::LP64);
    let frequency = Riscv::TABLE.by_name("TIMER_FREQUENCY").unwrap().place;
    vcpu.write_bytes(frequency, &10_000_000u64.to_ne_bytes()).unwrap();
    let state = capture(&vcpu);
    let other = Memory::<Riscv>::new(Host::LP64);
    other.write_bytes(frequency, &24_000_000u64.to_ne_bytes()).unwrap();
    let error = state.restore(&other, &RestoreOptions::default()).unwrap_err();
    assert!(matches!(error.refusals(), [Refusal::Differs(_)]));
    let text = error.to_string();
    let values = "0x0000000000989680 -> 0x00000000016e3600: it cannot be written";
    assert!(text.starts_with("TIMER_FREQUENCY (0x") && text.contains(values), "{text}");
    assert_eq!(read(&other, "TIMER_FREQUENCY"), 24_000_000u64.to_ne_bytes());
}

#[test]
fn a_dropped_register_is_left_alone() {
    let vcpu = Memory::<Arm64>::new(Host::LP64);
    vcpu.set_many((PC, X[0]), (1, 2)).unwrap();
    let state = capture(&vcpu);
    let other = Memory::<Arm64>::new(Host::LP64);
    let options = RestoreOptions { dropped: vec!["X0".to_owned()], ..RestoreOptions::default() };
    let restored = state.restore(&other, &options).unwrap();
    assert_eq!(restored.count(Outcome::Dropped), 1);
    assert_eq!(other.get_many((PC, X[0])).unwrap(), (1, 0));
}
