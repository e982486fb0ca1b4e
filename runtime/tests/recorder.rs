//! Changes of registers over time.

use onereg::arm64::{PC, SCTLR_EL1, V, X};
use onereg::{Arm64, Faulty, Host, Info, Memory, Operation, Recorder, Registers};

fn infos() -> impl Iterator<Item = &'static Info> {
    [PC.info(), SCTLR_EL1.info(), V[3].info()].into_iter().flatten()
}

#[test]
fn only_what_changed_is_recorded_with_its_moment() {
    let vcpu = Memory::<Arm64>::new(Host::LP64);
    let mut recorder = Recorder::start(&vcpu, infos(), 10).unwrap();
    recorder.record(&vcpu, 1).unwrap();
    vcpu.set(V[3], 1 << 100).unwrap();
    vcpu.set(X[0], 5).unwrap();
    recorder.record(&vcpu, 2).unwrap();
    vcpu.set(PC, 4).unwrap();
    recorder.record(&vcpu, 3).unwrap();
    let changes: Vec<_> =
        recorder.changes().map(|change| (change.moment, change.register.name)).collect();
    assert_eq!(changes, [(2, "V3"), (3, "PC")]);
    let vector = recorder.changes().next().unwrap();
    assert_eq!(*vector.before, 0u128.to_ne_bytes());
    assert_eq!(*vector.after, (1u128 << 100).to_ne_bytes());
}

#[test]
fn a_field_is_found_by_name_when_it_changed() {
    let vcpu = Memory::<Arm64>::new(Host::LP64);
    let mut recorder = Recorder::start(&vcpu, infos(), 10).unwrap();
    vcpu.update(SCTLR_EL1, |sctlr| sctlr.with_c(true)).unwrap();
    recorder.record(&vcpu, 1).unwrap();
    vcpu.update(SCTLR_EL1, |sctlr| sctlr.with_m(true).with_c(false)).unwrap();
    recorder.record(&vcpu, 2).unwrap();
    let of = |register, field| -> Vec<_> {
        let changes = recorder.changes();
        changes.filter_map(|it| Some((it.moment, it.of_field(register, field)?))).collect()
    };
    assert_eq!(of("SCTLR_EL1", "M"), [(2, (0, 1))]);
    assert_eq!(of("SCTLR_EL1", "C"), [(1, (0, 1)), (2, (1, 0))]);
    assert_eq!(of("SCTLR_EL1", "A"), []);
    assert_eq!(of("SCTLR_EL1", "no such field"), []);
    assert_eq!(of("TCR_EL1", "M"), []);
}

#[test]
fn the_oldest_changes_are_forgotten_and_counted() {
    let vcpu = Memory::<Arm64>::new(Host::LP64);
    let mut recorder = Recorder::start(&vcpu, infos(), 3).unwrap();
    for moment in 1..=5 {
        vcpu.set(PC, moment).unwrap();
        recorder.record(&vcpu, moment).unwrap();
    }
    let moments: Vec<_> = recorder.changes().map(|change| change.moment).collect();
    assert_eq!((moments, recorder.forgotten()), (vec![3, 4, 5], 2));
}

#[test]
fn what_cannot_be_read_is_named_and_nothing_is_recorded() {
    let vcpu = Memory::<Arm64>::new(Host::LP64);
    let mut recorder = Recorder::start(&vcpu, infos(), 10).unwrap();
    vcpu.set(PC, 4).unwrap();
    let faulty = Faulty::new(&vcpu).failing_at(Operation::Get, SCTLR_EL1.place(), 2);
    let error = recorder.record(&faulty, 1).unwrap_err();
    assert!(error.to_string().contains("SCTLR_EL1 (0x603000000013c080): ENOENT"), "{error}");
    assert_eq!(recorder.changes().count(), 0);
    recorder.record(&vcpu, 2).unwrap();
    assert_eq!(recorder.changes().next().map(|change| change.moment), Some(2));
    assert!(Recorder::start(&faulty, infos(), 10).is_err());
}
