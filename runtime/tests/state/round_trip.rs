//! What is captured comes back, on every architecture.

use onereg::{
    Access, Arch, Arm64, Class, Faulty, Host, Loongarch, Memory, Mips, Operation, Outcome, Place,
    Powerpc, Registers, RestoreOptions, Riscv, S390, VmWide, X86,
};

use crate::target::{Shuffled, Strict};
use crate::{capture, fill, read};

/// Calls a function for every architecture.
macro_rules! every_architecture {
    ($check:ident $(, $argument:expr)*) => {
        $check::<Arm64>($($argument),*);
        $check::<Loongarch>($($argument),*);
        $check::<Mips>($($argument),*);
        $check::<Powerpc>($($argument),*);
        $check::<Riscv>($($argument),*);
        $check::<S390>($($argument),*);
        $check::<X86>($($argument),*);
    };
}

/// A vCPU in memory with other contents, but for what a restore only compares.
fn fresh<A: Arch>(like: &Memory<A>) -> Memory<A> {
    let fresh = Memory::<A>::new(like.host());
    for info in A::TABLE.registers {
        if info.row.access == Access::ReadOnly || info.row.write == onereg::WriteRule::MustMatch {
            fresh.write_bytes(info.place, &read(like, info.name)).unwrap();
        }
    }
    fresh
}

fn restored_state_is_the_captured<A: Arch>(host: Host) {
    let vcpu = Memory::<A>::new(host);
    fill(&vcpu, 1);
    let state = capture(&vcpu);
    let fresh = fresh(&vcpu);
    let options = RestoreOptions::default();
    state.restore_before_finalize(&fresh, &options).unwrap();
    let restored = state.restore(&fresh, &options).unwrap();
    assert_eq!(restored.outcomes().len(), state.registers().len());
    assert_eq!(restored.count(Outcome::Pending), 0);
    for difference in state.verify(&fresh).unwrap() {
        // Nothing in memory derives them.
        assert_eq!(difference.class(), Class::Derived, "{difference}");
    }
    let again = capture(&fresh);
    for (saved, again) in state.registers().zip(again.registers()) {
        if saved.class() != Class::Derived {
            assert_eq!(saved.value(), again.value(), "{} {}", A::TABLE.name, saved.name());
        }
    }
}

#[test]
fn every_register_comes_back() {
    every_architecture!(restored_state_is_the_captured, Host::LP64);
    restored_state_is_the_captured::<Riscv>(Host::new(64, 32).unwrap());
    restored_state_is_the_captured::<Riscv>(Host::new(32, 16).unwrap());
}

fn every_readable_register_is_captured<A: Arch>() {
    let state = capture(&Memory::<A>::new(Host::LP64));
    for info in A::TABLE.registers {
        let expected = info.row.access != Access::WriteOnly && !info.row.hidden;
        assert_eq!(state.register(info.name).is_some(), expected, "{}", info.name);
    }
}

#[test]
fn nothing_but_hidden_and_write_only_is_left_out() {
    every_architecture!(every_readable_register_is_captured);
}

fn any_order_within_a_phase_gives_the_same<A: Arch>() {
    let vcpu = Memory::<A>::new(Host::LP64);
    fill(&vcpu, 2);
    let state = capture(&vcpu);
    let options = RestoreOptions::default();
    let fresh = fresh(&vcpu);
    let results: Vec<_> = (0..3)
        .map(|seed| {
            let target = Strict::<A>::new(|_, _, _| Ok(()));
            for info in A::TABLE.registers {
                let value = read(&fresh, info.name);
                target.memory.write_bytes(info.place, &value).unwrap();
            }
            let shuffled = Shuffled { inner: &target, seed };
            state.restore_before_finalize(&shuffled, &options).unwrap();
            state.restore(&shuffled, &options).unwrap();
            capture(&target)
        })
        .collect();
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{}", A::TABLE.name);
}

#[test]
fn permutations_within_a_phase_are_equal() {
    every_architecture!(any_order_within_a_phase_gives_the_same);
}

#[test]
fn what_the_vcpu_has_already_is_not_written() {
    let vcpu = Memory::<Riscv>::new(Host::LP64);
    fill(&vcpu, 3);
    let state = capture(&vcpu);
    // After the first run the kernel refuses even the present value of an SBI extension.
    let ran = Strict::<Riscv>::new(|_, place, _| {
        let info = Riscv::TABLE.at(place).unwrap();
        if info.row.group == "sbi_ext" { Err(16) } else { Ok(()) }
    });
    for info in Riscv::TABLE.registers {
        ran.memory.write_bytes(info.place, &read(&vcpu, info.name)).unwrap();
    }
    let restored = state.restore(&ran, &RestoreOptions::default()).unwrap();
    assert!(restored.count(Outcome::Same) > 100, "{}", restored.count(Outcome::Same));
}

#[test]
fn what_belongs_to_the_vm_is_written_once() {
    let vcpu = Memory::<Arm64>::new(Host::LP64);
    fill(&vcpu, 4);
    let state = capture(&vcpu);
    let second = Strict::<Arm64>::new(|_, place, _| {
        let info = Arm64::TABLE.at(place).unwrap();
        if info.row.scope == onereg::Scope::Vm { Err(16) } else { Ok(()) }
    });
    let vls = Arm64::TABLE.by_name("SVE_VLS").unwrap().place;
    second.memory.write_bytes(vls, &read(&vcpu, "SVE_VLS")).unwrap();
    let options = RestoreOptions { vm_wide: VmWide::Leave, ..RestoreOptions::default() };
    let restored = state.restore(&second, &options).unwrap();
    assert!(restored.count(Outcome::OtherVcpu) > 50);
    assert!(state.restore(&second, &RestoreOptions::default()).is_err());
}

#[test]
fn recapture_reads_the_same_registers_again() {
    let vcpu = Memory::<X86>::new(Host::LP64);
    fill(&vcpu, 5);
    let mut state = capture(&vcpu);
    for seed in 6..9 {
        fill(&vcpu, seed);
        state.recapture(&vcpu).unwrap();
        assert_eq!(state, capture(&vcpu));
        assert!(state.verify(&vcpu).unwrap().is_empty());
    }
}

#[test]
fn a_recapture_that_fails_leaves_the_state_as_it_was() {
    use onereg::x86::RIP;
    use onereg::x86::carrier::NESTED;
    let vcpu = Memory::<X86>::new(Host::LP64);
    vcpu.write_block(&NESTED, &[7; 300]).unwrap();
    let before = capture(&vcpu);
    fill(&vcpu, 5);
    vcpu.write_block(&NESTED, &[8; 300]).unwrap();
    let block = Place::Via { carrier: &NESTED, offset: 0, size: 0 };
    for place in [RIP.place(), block] {
        let failing = Faulty::new(&vcpu).failing_at(Operation::Get, place, 5);
        let mut state = before.clone();
        let error = state.recapture(&failing).unwrap_err();
        assert_eq!(error.failures()[0].error.place(), place);
        assert_eq!(state, before);
    }
}

#[test]
fn a_vcpu_with_other_widths_is_not_captured_again() {
    let short = Memory::<Riscv>::new(Host::new(64, 16).unwrap());
    let mut state = capture(&short);
    let long = Memory::<Riscv>::new(Host::new(64, 32).unwrap());
    let error = state.recapture(&long).unwrap_err();
    assert_eq!(error.failures().len(), 32, "{error}");
    assert_eq!(state, capture(&short));
}

#[test]
fn blocks_are_read_again_and_compared() {
    use onereg::x86::carrier::NESTED;
    let vcpu = Memory::<X86>::new(Host::LP64);
    vcpu.write_block(&NESTED, &[7; 300]).unwrap();
    let mut state = capture(&vcpu);
    assert!(state.register("nested").unwrap().is_block());
    vcpu.write_block(&NESTED, &[7; 400]).unwrap();
    let differences = state.verify(&vcpu).unwrap();
    assert_eq!(differences.len(), 1);
    let expected = "nested (block): 300 and 400 bytes, from byte 0x12c on";
    assert_eq!(differences[0].to_string(), expected);
    state.recapture(&vcpu).unwrap();
    assert!(state.verify(&vcpu).unwrap().is_empty());
}

#[test]
fn a_difference_names_register_and_field() {
    use onereg::arm64::{PC, SCTLR_EL1, SctlrEl1};
    let vcpu = Memory::<Arm64>::new(Host::LP64);
    vcpu.set(SCTLR_EL1, SctlrEl1::new(1)).unwrap();
    let state = capture(&vcpu);
    vcpu.set(SCTLR_EL1, SctlrEl1::new(4)).unwrap();
    let differences = state.verify(&vcpu).unwrap();
    assert_eq!(differences.len(), 1);
    let expected = "SCTLR_EL1 (0x603000000013c080): 0x0000000000000001 -> 0x0000000000000004, \
                    C: 0 -> 1, M: 1 -> 0";
    assert_eq!(differences[0].to_string(), expected);
    assert!(!differences[0].may_differ());
    vcpu.set(PC, 8).unwrap();
    let other = capture(&vcpu);
    let names: Vec<_> =
        state.differences(&other).iter().map(|found| found.name().to_owned()).collect();
    assert_eq!(names, ["PC", "SCTLR_EL1"]);
}
