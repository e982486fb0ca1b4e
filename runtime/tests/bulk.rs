//! Bulk calls: what is read and written, what is reported, what is rolled back and what is refused.

#![cfg(feature = "kvm")]

use std::cell::RefCell;
use std::ops::ControlFlow;

use onereg::arm64::{PC, PSTATE, SP, SP_EL1, V, X};
use onereg::loongarch::{CSR_ERA, VCPU_RESET};
use onereg::x86::{CSTAR, IA32_TSC, LSTAR, RAX};
use onereg::{
    Arch, Arm64, BulkError, ErrorKind, Faulty, Host, Loongarch, Memory, OnFailure, Operation,
    Place, Plan, Reg, Registers, Report, X86,
};

const EIO: i32 = 5;

fn positions(error: &BulkError) -> Vec<usize> {
    error.failures().iter().map(|failure| failure.position).collect()
}

/// A vCPU on which writing X2 fails.
fn x2_fails() -> Faulty<Memory<Arm64>> {
    let vcpu = Faulty::new(Memory::<Arm64>::new(Host::LP64));
    vcpu.inner().set_many(X, [7; 31]).unwrap();
    vcpu.failing_at(Operation::Set, X[2].place(), EIO)
}

#[test]
fn tuples_arrays_and_slices_keep_their_arrangement() {
    let vcpu = Memory::<Arm64>::new(Host::LP64);
    let values: [u64; 31] = std::array::from_fn(|index| index as u64 * 3);
    vcpu.set_many((PC, X, (V[0], PSTATE)), (4, values, (u128::MAX, PSTATE_EL1H))).unwrap();
    assert_eq!(vcpu.get_many((X, PC)).unwrap(), (values, 4));
    assert_eq!(vcpu.get_many(&X[1..4]).unwrap(), [3, 6, 9]);
    assert_eq!(vcpu.get_many([(X[1], V[0])]).unwrap(), [(3, u128::MAX)]);
    assert_eq!(vcpu.get(PSTATE).unwrap(), PSTATE_EL1H);
}

const PSTATE_EL1H: onereg::arm64::Spsr = onereg::arm64::Spsr::new(5);

#[test]
fn stop_reports_what_failed_and_what_was_written() {
    let vcpu = x2_fails();
    let error = vcpu.set_many([X[0], X[1], X[2], X[3]], [1; 4]).unwrap_err();
    assert_eq!((positions(&error), error.written()), (vec![2], [0, 1].as_slice()));
    assert_eq!(vcpu.get_many(&X[..4]).unwrap(), [1, 1, 7, 7]);
    let text = error.to_string();
    assert!(text.contains(" X2 (0x6030000000100004): "), "{text}");
    assert!(text.ends_with("(2 of 4 registers done)"), "{text}");
}

#[test]
fn continue_reports_all_failures() {
    let vcpu = x2_fails().failing_at(Operation::Set, X[0].place(), EIO);
    let error =
        vcpu.set_many_or([X[0], X[1], X[2], X[3]], [1; 4], OnFailure::Continue).unwrap_err();
    assert_eq!((positions(&error), error.written()), (vec![0, 2], [1, 3].as_slice()));
    assert_eq!(vcpu.get_many(&X[..4]).unwrap(), [7, 1, 7, 1]);
}

#[test]
fn a_failed_roll_back_plan_changes_nothing() {
    let registers = [X[0], SP, X[2], X[3]];
    let vcpu = x2_fails();
    let before = vcpu.get_many((X, SP, SP_EL1)).unwrap();
    let error = vcpu.set_many_or(registers, [1; 4], OnFailure::RollBack).unwrap_err();
    assert_eq!((positions(&error), error.written()), (vec![2], [0, 1].as_slice()));
    assert!(error.not_restored().is_empty());
    assert!(error.to_string().ends_with("has its old value again)"), "{error}");
    assert_eq!(vcpu.get_many((X, SP, SP_EL1)).unwrap(), before);
}

#[test]
fn every_access_of_a_roll_back_may_fail() {
    let registers = [X[0], X[1], X[2], X[3]];
    // 0 to 3 are the reads, 4 to 7 the writes.
    for access in 0..8 {
        let vcpu = Faulty::new(Memory::<Arm64>::new(Host::LP64)).failing_access(access, EIO);
        let error = vcpu.set_many_or(registers, [1; 4], OnFailure::RollBack).unwrap_err();
        assert_eq!(positions(&error), [access as usize % 4]);
        assert_eq!(vcpu.inner().get_many(registers).unwrap(), [0; 4], "access {access}");
    }
}

#[test]
fn a_roll_back_that_fails_says_so() {
    // Two reads, two writes of which the second fails, and the write that would restore X0.
    let vcpu = Faulty::new(Memory::<Arm64>::new(Host::LP64))
        .failing_at(Operation::Set, X[1].place(), EIO)
        .failing_access(4, EIO);
    let error = vcpu.set_many_or([X[0], X[1]], [1; 2], OnFailure::RollBack).unwrap_err();
    assert_eq!(error.not_restored().len(), 1);
    assert!(error.to_string().contains("not restored:"), "{error}");
}

#[test]
fn a_roll_back_refuses_what_it_cannot_undo_before_it_writes() {
    fn refused<A: Arch>(name: &str) {
        let vcpu = Faulty::new(Memory::<A>::new(Host::LP64));
        let info = A::TABLE.by_name(name).unwrap();
        let plan = Plan::new(Host::LP64, [info.place]);
        let error = vcpu.write_plan(&plan, &vec![1; plan.size()], OnFailure::RollBack).unwrap_err();
        assert_eq!(positions(&error), [0], "{name}");
        assert!(matches!(error.failures()[0].error.kind(), ErrorKind::Unsupported(_)), "{name}");
        assert!(error.to_string().contains(name), "{error}");
        assert_eq!(vcpu.accesses(), 0, "{name}");
    }
    refused::<X86>("IA32_TSC");
    refused::<Loongarch>("VCPU_RESET");
    refused::<onereg::Mips>("FCR_IR");
    refused::<Arm64>("SVE_VLS");
}

#[test]
fn a_roll_back_names_all_that_it_refuses() {
    let vcpu = Memory::<X86>::new(Host::LP64);
    let unknown = Reg::<X86, u64>::new(Place::OneReg(0x2030_0002_0000_ffff));
    let registers = (LSTAR, IA32_TSC, unknown);
    let error = vcpu.set_many_or(registers, (1, 1, 1), OnFailure::RollBack).unwrap_err();
    assert_eq!(positions(&error), [1, 2]);
    assert_eq!(vcpu.get(LSTAR), Ok(0));
}

#[test]
fn write_only_registers_can_be_written_in_bulk() {
    let vcpu = Memory::<Loongarch>::new(Host::LP64);
    vcpu.set_many((VCPU_RESET, CSR_ERA), (1, 2)).unwrap();
    assert_eq!(vcpu.get(CSR_ERA), Ok(2));
}

#[test]
fn a_buffer_that_is_too_short_is_refused() {
    let vcpu = Faulty::new(Memory::<Arm64>::new(Host::LP64));
    let plan = Plan::new(Host::LP64, [X[0].place(), V[0].place()]);
    assert_eq!(plan.size(), 24);
    let error = vcpu.read_plan(&plan, &mut [0; 23], OnFailure::Continue).unwrap_err();
    assert_eq!(positions(&error), [1]);
    assert_eq!(error.failures()[0].error.kind(), ErrorKind::Size { given: 15 });
    assert_eq!(vcpu.accesses(), 0);
}

#[test]
fn a_value_type_of_another_width_is_refused() {
    let vcpu = Faulty::new(Memory::<Arm64>::new(Host::LP64));
    let wrong = Reg::<Arm64, u32>::new(X[1].place());
    let error = vcpu.set_many((X[0], wrong), (1, 2)).unwrap_err();
    assert_eq!(error.failures()[0].error.kind(), ErrorKind::Size { given: 4 });
    assert_eq!(vcpu.accesses(), 0);
}

/// A target that takes whole plans, as a vCPU does.
struct Whole {
    inner: Memory<X86>,
    plans: RefCell<Vec<usize>>,
}

impl Registers<X86> for Whole {
    fn read_bytes(&self, place: Place, buffer: &mut [u8]) -> Result<(), onereg::Error> {
        self.inner.read_bytes(place, buffer)
    }

    fn write_bytes(&self, place: Place, bytes: &[u8]) -> Result<(), onereg::Error> {
        self.inner.write_bytes(place, bytes)
    }

    fn write_many_bytes(&self, plan: &Plan, buffer: &[u8], report: &mut Report) -> ControlFlow<()> {
        self.plans.borrow_mut().push(plan.slots().len());
        self.inner.write_many_bytes(plan, buffer, report)
    }
}

/// Takes a target by value, as a reference to one is.
fn through<T: Registers<X86>>(target: T) -> T {
    target
}

#[test]
fn a_target_sees_the_whole_plan_at_once() {
    let vcpu = Whole { inner: Memory::new(Host::LP64), plans: RefCell::default() };
    vcpu.set_many((RAX, CSTAR, LSTAR), (1, 2, 3)).unwrap();
    through(&vcpu).set_many((RAX, CSTAR), (1, 2)).unwrap();
    assert_eq!(*vcpu.plans.borrow(), [3, 2]);
    assert_eq!(vcpu.get_many((LSTAR, CSTAR, RAX)).unwrap(), (3, 2, 1));
}
