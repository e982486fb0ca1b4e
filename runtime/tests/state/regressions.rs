//! Bugs that other VMMs shipped, each as a test that fails when the rule is taken out of the table.

use std::cell::Cell;
use std::rc::Rc;

use onereg::arm64::{MPIDR_EL1, SVE_VLS, V};
use onereg::{
    Access, Arch, Arm64, Class, Faulty, Host, Memory, Operation, Place, Present, Registers,
    RestoreOptions, Riscv, Scope, Unknown, VcpuState, WriteRule, X86,
};

use crate::target::Strict;
use crate::{capture, fill, read};

const EPERM: i32 = 1;
const EINVAL: i32 = 22;

/// Gives `target` what a restore only compares.
pub(crate) fn make_alike<A: Arch>(from: &Memory<A>, target: &Memory<A>) {
    for info in A::TABLE.registers {
        let compared = info.row.access == Access::ReadOnly
            || matches!(info.row.write, WriteRule::MustMatch | WriteRule::BeforeFinalize);
        if compared {
            target.write_bytes(info.place, &read(from, info.name)).unwrap();
        }
    }
}

/// Captures a filled vCPU of `A`.
fn filled<A: Arch>() -> (Memory<A>, VcpuState) {
    let vcpu = Memory::<A>::new(Host::LP64);
    fill(&vcpu, 11);
    let state = capture(&vcpu);
    (vcpu, state)
}

fn place<A: Arch>(name: &str) -> Place {
    A::TABLE.by_name(name).unwrap().place
}

/// Says whether every name is in the state.
fn assert_captured(state: &VcpuState, names: &[&str]) {
    for name in names {
        assert!(state.register(name).is_some(), "{name} is not captured");
    }
}

/// Bug 1, 15: only the low half of V0 to V31 was saved.
#[test]
fn bug_1_vector_registers_keep_all_their_bits() {
    let vcpu = Memory::<Arm64>::new(Host::LP64);
    vcpu.set(V[31], u128::MAX << 64).unwrap();
    let fresh = Memory::<Arm64>::new(Host::LP64);
    capture(&vcpu).restore(&fresh, &RestoreOptions::default()).unwrap();
    assert_eq!(fresh.get(V[31]), Ok(u128::MAX << 64));
}

/// Bug 2, 14: the vector lengths of SVE were written after the vCPU was finalized, or its vectors before.
#[test]
fn bug_2_vector_lengths_precede_finalize_and_vectors_follow() {
    let (vcpu, state) = filled::<Arm64>();
    let finalized = Rc::new(Cell::new(false));
    let now = Rc::clone(&finalized);
    let target = Strict::<Arm64>::new(move |_, place, _| {
        let info = Arm64::TABLE.at(place).unwrap();
        match (info.row.group, place == SVE_VLS.place()) {
            ("sve", true) if now.get() => Err(EPERM),
            ("sve", false) if !now.get() => Err(EPERM),
            _ => Ok(()),
        }
    });
    make_alike(&vcpu, &target.memory);
    target.memory.write_bytes(SVE_VLS.place(), &[1; 64]).unwrap();
    let options = RestoreOptions::default();
    state.restore_before_finalize(&target, &options).unwrap();
    finalized.set(true);
    state.restore(&target, &options).unwrap();
    assert_eq!(read(&target, "SVE_VLS"), read(&vcpu, "SVE_VLS"));
    assert_eq!(read(&target, "Z31"), read(&vcpu, "Z31"));
    // Without the first step the lengths are those of another vCPU, which is said instead of written.
    target.memory.write_bytes(SVE_VLS.place(), &[1; 64]).unwrap();
    let error = state.restore(&target, &options).unwrap_err();
    assert!(error.to_string().starts_with("SVE_VLS (0x60"), "{error}");
}

/// Bug 4: a list of more than 500 registers did not fit.
#[test]
fn bug_4_a_long_list_is_captured_whole() {
    let first = V[0].id().unwrap() | 0xf000;
    let ids: Vec<u64> = (0..600).map(|number| first + number).collect();
    let vcpu = Memory::<Arm64>::holding(Host::LP64, ids.iter().map(|id| Place::OneReg(*id)));
    let captured = VcpuState::capture(&vcpu, Present::Listed(&ids), Unknown::Carry).unwrap();
    assert_eq!(captured.state.registers().len(), 600);
}

/// Bug 5: the ids of the virtual timer's counter and compare value, which KVM has swapped, were taken by their encoding.
#[test]
fn bug_5_the_swapped_timer_ids_keep_their_meaning() {
    let state = capture(&Memory::<Arm64>::new(Host::LP64));
    let by_id = |id: u64| state.registers().find(|saved| saved.id() == Some(id)).unwrap();
    let count = by_id(0x6030_0000_0013_df1a);
    assert_eq!(count.class(), Class::Volatile, "{count}");
    assert_eq!(count.info().unwrap().row.scope, Scope::Vm);
    let compare = by_id(0x6030_0000_0013_df02);
    assert_eq!(compare.class(), Class::State, "{compare}");
    assert_eq!(compare.info().unwrap().row.scope, Scope::Vcpu);
}

/// Bugs 6, 7, 17: IA32_XSS, the registers of CET, of asynchronous page faults and of Hyper-V's SynIC were not saved.
#[test]
fn bugs_6_7_17_every_msr_is_captured() {
    let (_, state) = filled::<X86>();
    let cet = ["IA32_XSS", "IA32_U_CET", "IA32_S_CET", "IA32_PL0_SSP", "IA32_PL3_SSP", "GUEST_SSP"];
    assert_captured(&state, &cet);
    assert_captured(&state, &["KVM_ASYNC_PF_EN", "KVM_ASYNC_PF_INT", "KVM_ASYNC_PF_ACK"]);
    assert_captured(&state, &["HV_X64_MSR_SCONTROL", "HV_X64_MSR_SIEFP", "HV_X64_MSR_SINT15"]);
    assert_captured(&state, &["XSAVE_EXTENDED", "XSTATE_BV", "XCR0"]);
}

/// Bug 17: the tile registers of AMX, which are beyond what KVM_GET_XSAVE carries, were not saved.
#[test]
fn bug_17_an_area_of_any_size_is_captured_whole() {
    let vcpu = Memory::<X86>::new(Host::LP64);
    let area: Vec<u8> = (0..11008).map(|byte| byte as u8 | 1).collect();
    vcpu.write_block(&onereg::x86::carrier::XSAVE2, &area).unwrap();
    let state = capture(&vcpu);
    let fresh = Memory::<X86>::new(Host::LP64);
    state.restore(&fresh, &RestoreOptions::default()).unwrap();
    let mut found = Vec::new();
    fresh.read_block(&onereg::x86::carrier::XSAVE2, &mut found).unwrap();
    assert_eq!(found, area);
    assert!(state.verify(&fresh).unwrap().is_empty());
    assert_order(&state, &["XCR0", "XSTATE_BV"]);
    let position = |name| state.registers().position(|saved| saved.name() == name);
    assert!(position("XSTATE_BV") < position("xsave2") && position("xsave2") < position("STAR"));
}

/// Bug 8: how many MSRs KVM_SET_MSRS took was not checked.
#[test]
fn bug_8_an_msr_that_is_not_taken_is_named() {
    let (vcpu, state) = filled::<X86>();
    let target = Memory::<X86>::new(Host::LP64);
    make_alike(&vcpu, &target);
    let target = Faulty::new(target).failing_at(Operation::Set, place::<X86>("STAR"), EINVAL);
    let error = state.restore(&target, &RestoreOptions::default()).unwrap_err();
    assert!(error.to_string().contains("x86 STAR (0x20300002c0000081): EINVAL (22): "), "{error}");
}

/// Bug 9: the deadline was restored before the counter that it is set in terms of, and the guest slept on.
#[test]
fn bug_9_the_counter_precedes_its_deadline() {
    let (vcpu, state) = filled::<X86>();
    let (counter, deadline) = (place::<X86>("IA32_TSC"), place::<X86>("IA32_TSC_DEADLINE"));
    let timer = place::<X86>("APIC_LVTT");
    let target = Strict::<X86>::new(move |memory, place, _| {
        let mut written = [[0; 8], [0; 8]];
        memory.read_bytes(counter, &mut written[0]).unwrap();
        memory.read_bytes(timer, &mut written[1][..4]).unwrap();
        if place == deadline && written.contains(&[0; 8]) { Err(EINVAL) } else { Ok(()) }
    });
    make_alike(&vcpu, &target.memory);
    state.restore(&target, &RestoreOptions::default()).unwrap();
    assert_eq!(read(&target, "IA32_TSC_DEADLINE"), read(&vcpu, "IA32_TSC_DEADLINE"));
}

/// Bug 10: registers that say what the CPU is read as 0 too early, and the guest lost a mitigation.
#[test]
fn bug_10_a_lost_capability_is_reported() {
    let vcpu = Memory::<X86>::new(Host::LP64);
    vcpu.write_bytes(place::<X86>("IA32_ARCH_CAPABILITIES"), &2u64.to_ne_bytes()).unwrap();
    let state = capture(&vcpu);
    let differences = state.verify(&Memory::<X86>::new(Host::LP64)).unwrap();
    assert_eq!(differences.len(), 1);
    assert_eq!(differences[0].name(), "IA32_ARCH_CAPABILITIES");
    assert!(!differences[0].may_differ());
    // The vCPU that lacks it gets it, before whatever is checked against it.
    let fresh = Memory::<X86>::new(Host::LP64);
    state.restore(&fresh, &RestoreOptions::default()).unwrap();
    assert_eq!(read(&fresh, "IA32_ARCH_CAPABILITIES"), 2u64.to_ne_bytes());
    assert_order(&state, &["IA32_ARCH_CAPABILITIES", "CR0"]);
}

/// Bug 14: a vCPU with SVE could not be captured at all.
#[test]
fn bug_14_registers_of_every_width_are_captured() {
    let (_, state) = filled::<Arm64>();
    for (name, bytes) in [("Z0", 256), ("P15", 32), ("FFR", 32), ("SVE_VLS", 64), ("FPSR", 4)] {
        assert_eq!(state.register(name).unwrap().value().len(), bytes, "{name}");
    }
}

/// Bug 16: MTRRs were not saved, because the list of MSRs leaves them out.
#[test]
fn bug_16_registers_that_no_list_has_are_captured() {
    let vcpu = Memory::<X86>::new(Host::LP64);
    let captured = VcpuState::capture(&vcpu, Present::Listed(&[]), Unknown::Refuse).unwrap();
    assert_captured(&captured.state, &["MTRRdefType", "MTRRphysBase0", "MTRRfix64K_00000"]);
    assert!(captured.state.register("STAR").is_none());
}

/// Bug 20: exception registers, floating-point control and cache geometry were not saved.
#[test]
fn bug_20_registers_outside_of_the_pattern_are_captured() {
    let (_, state) = filled::<Arm64>();
    assert_captured(&state, &["SP_EL1", "ELR_EL1", "SPSR_EL1", "SPSR_FIQ", "FPCR", "FPSR"]);
    assert_captured(&state, &["CCSIDR0", "CCSIDR13"]);
}

/// vmm-anchors 2.3, 4: a pending SError, which no id reaches, was not saved; nor is what else only other ioctls carry.
#[test]
fn registers_of_other_ioctls_are_captured() {
    let arm64 = Memory::<Arm64>::new(Host::LP64);
    let captured = VcpuState::capture(&arm64, Present::Listed(&[]), Unknown::Refuse).unwrap();
    assert_captured(&captured.state, &["SERROR_PENDING", "SERROR_ESR", "MP_STATE"]);
    assert_captured(&filled::<onereg::Powerpc>().1, &["GPR31", "PC", "MSR"]);
    assert_captured(&filled::<onereg::S390>().1, &["GPR15", "ACR15", "CR15", "FPR15", "FPC"]);
    assert_captured(&filled::<onereg::Loongarch>().1, &["GPR31", "PC", "FPR31", "FCSR"]);
}

/// Bug 21: the affinity that a guest was told of was not the register's from vCPU 16 on, where it is not the vCPU's number.
#[test]
fn bug_21_the_affinity_is_the_registers() {
    let vcpu = Memory::<Arm64>::new(Host::LP64);
    let of_vcpu_16 = vcpu.get(MPIDR_EL1).unwrap().with_aff0(0).with_aff1(1);
    vcpu.set(MPIDR_EL1, of_vcpu_16).unwrap();
    assert_eq!(of_vcpu_16.bits() & 0xff_ffff, 0x100);
    let fresh = Memory::<Arm64>::new(Host::LP64);
    let differences = capture(&vcpu).verify(&fresh).unwrap();
    let [difference] = &differences[..] else { panic!("{differences:?}") };
    assert!(!difference.may_differ());
    assert!(difference.to_string().contains("Aff1: 0x1 -> 0x0"), "{difference}");
}

/// Bug 23: a kernel knows a register that the other does not; the one named, and only the one named, is left out.
#[test]
fn bug_23_a_register_of_a_newer_kernel_is_named_and_can_be_dropped() {
    let (vcpu, state) = filled::<Arm64>();
    let older = Arm64::TABLE.registers.iter().filter(|info| info.name != "VENDOR_HYP_BMAP_2");
    let older = Memory::<Arm64>::holding(Host::LP64, older.map(|info| info.place));
    for info in Arm64::TABLE.registers {
        if info.row.write == WriteRule::MustMatch || info.row.class == Class::PreFinalize {
            older.write_bytes(info.place, &read(&vcpu, info.name)).unwrap();
        }
    }
    let error = state.restore(&older, &RestoreOptions::default()).unwrap_err();
    assert!(error.to_string().contains("VENDOR_HYP_BMAP_2 (0x6030000000160003)"), "{error}");
    assert_eq!(error.refusals().len(), 1, "{error}");
    let dropped = vec!["VENDOR_HYP_BMAP_2".to_owned()];
    state.restore(&older, &RestoreOptions { dropped, ..RestoreOptions::default() }).unwrap();
}

/// Bug 25: the ids of vector registers depend on the host's vector length.
#[test]
fn bug_25_ids_of_vector_registers_follow_the_host() {
    let host = Host::new(64, 32).unwrap();
    let state = capture(&Memory::<Riscv>::new(host));
    let v31 = state.register("V31").unwrap();
    assert_eq!(v31.value().len(), 32);
    assert_eq!(v31.id().unwrap() >> 52 & 0xf, 5);
}

/// riscv up to 7.3: the high word of the steal-time address, written after the low one, invalidates it.
#[test]
fn the_high_word_of_the_steal_time_address_precedes_the_low_one() {
    let names = ["SBI_STA_SHMEM_HI", "SBI_STA_SHMEM_LO"];
    assert_order(&capture(&Memory::<Riscv>::new(Host::LP64)), &names);
}

/// x86 reads MSRs that the vCPU lacks and refuses every write; riscv takes 0 for the timer only while it is armed.
#[test]
fn an_equal_value_is_not_written_where_it_may_be_refused() {
    fn restores<A: Arch>(name: &'static str) {
        let vcpu = Memory::<A>::new(Host::LP64);
        let state = capture(&vcpu);
        let fresh = Memory::<A>::new(Host::LP64);
        let target = Faulty::new(fresh).failing_at(Operation::Set, place::<A>(name), EINVAL);
        state.restore(&target, &RestoreOptions::default()).unwrap();
    }
    restores::<X86>("KVM_ASYNC_PF_INT");
    restores::<X86>("HV_X64_MSR_SINT0");
    restores::<Riscv>("TIMER_STATE");
}

/// x86: KVM_SET_SREGS takes values that the MSRs of the same storage refuse.
#[test]
fn msrs_that_a_struct_carries_are_left_to_it() {
    let (vcpu, state) = filled::<X86>();
    for name in ["EFER", "MSR_FS_BASE", "MSR_GS_BASE"] {
        let target = Memory::<X86>::new(Host::LP64);
        make_alike(&vcpu, &target);
        let target = Faulty::new(target).failing_at(Operation::Set, place::<X86>(name), EINVAL);
        state.restore(&target, &RestoreOptions::default()).unwrap();
    }
}

/// What one register arms or seeds comes behind it.
#[test]
fn registers_follow_what_they_depend_on() {
    let riscv = capture(&Memory::<Riscv>::new(Host::LP64));
    assert_order(&riscv, &["ISA_EXT_V", "vlenb", "V0"]);
    assert_order(&riscv, &["SBI_EXT_STA", "SBI_STA_SHMEM_HI"]);
    assert_order(&riscv, &["FP_F_F0", "FP_D_F0"]);
    assert_order(&riscv, &["TIMER_TIME", "TIMER_STATE"]);
    assert_order(&riscv, &["TIMER_COMPARE", "TIMER_STATE"]);
    let powerpc = capture(&Memory::<onereg::Powerpc>::new(Host::LP64));
    assert_order(&powerpc, &["VPA_ADDR", "VPA_SLB"]);
    assert_order(&powerpc, &["VPA_ADDR", "VPA_DTL"]);
    assert_order(&powerpc, &["TB_OFFSET", "DEC_EXPIRY"]);
    let arm64 = capture(&Memory::<Arm64>::new(Host::LP64));
    assert_order(&arm64, &["SVE_VLS", "ID_AA64PFR0_EL1", "SERROR_PENDING", "PSTATE", "X0"]);
    let loongarch = capture(&Memory::<onereg::Loongarch>::new(Host::LP64));
    assert_order(&loongarch, &["CPUCFG2", "LBT_SCR0"]);
    assert_order(&loongarch, &["CPUCFG1", "CSR_ESTAT"]);
    let mips = capture(&Memory::<onereg::Mips>::new(Host::LP64));
    assert_order(&mips, &["CP0_CONFIG1", "CP0_STATUS", "FPR_64_0"]);
    let x86 = capture(&Memory::<X86>::new(Host::LP64));
    assert_order(&x86, &["XCR0", "XSTATE_BV", "IA32_TSC", "EXCEPTION_NR", "MP_STATE"]);
}

/// Asserts that every register is in a later phase than the one before it.
fn assert_order(state: &VcpuState, names: &[&str]) {
    let phase = |name: &&str| {
        let saved = state.register(name).unwrap_or_else(|| panic!("{name} is not captured"));
        saved.info().unwrap().row.phase
    };
    let phases: Vec<_> = names.iter().map(phase).collect();
    assert!(phases.is_sorted_by(|a, b| a < b), "{names:?} are in phases {phases:?}");
    let position = |name: &&str| state.registers().position(|saved| saved.name() == *name);
    assert!(names.iter().map(position).collect::<Vec<_>>().is_sorted(), "{names:?}");
}

/// Restores in three orders within the phases into a vCPU on which a write of the first of a pair zeroes the second, and
/// asserts that nothing is lost: the second of every pair is in a later phase.
fn nothing_is_overwritten<A: Arch>(pairs: &'static [(&str, &str)]) {
    let (vcpu, state) = filled::<A>();
    for seed in 0..3 {
        let target = Strict::<A>::new(move |memory, place, _| {
            for (first, second) in pairs {
                if A::TABLE.by_name(first).unwrap().place == place {
                    let second = A::TABLE.by_name(second).unwrap().place;
                    memory.write_bytes(second, &vec![0; second.size(memory.host())]).unwrap();
                }
            }
            Ok(())
        });
        make_alike(&vcpu, &target.memory);
        let shuffled = crate::target::Shuffled { inner: &target, seed };
        state.restore(&shuffled, &RestoreOptions::default()).unwrap();
        for difference in state.verify(&target).unwrap() {
            assert_eq!(difference.class(), Class::Derived, "{difference}");
        }
    }
}

/// Any order within a phase gives the same, also where a write has an effect on another register.
#[test]
fn what_a_write_overwrites_is_written_later() {
    nothing_is_overwritten::<Riscv>(&[
        ("FP_F_F0", "FP_D_F0"),
        ("SBI_STA_SHMEM_HI", "SBI_STA_SHMEM_LO"),
        ("ISA_EXT_V", "V0"),
        ("TIMER_COMPARE", "TIMER_STATE"),
    ]);
    nothing_is_overwritten::<onereg::Powerpc>(&[
        ("TB_OFFSET", "DEC_EXPIRY"),
        ("VPA_ADDR", "VPA_SLB"),
        ("VPA_ADDR", "VPA_DTL"),
        ("TM_VSCR", "VSCR"),
    ]);
    nothing_is_overwritten::<Arm64>(&[("ID_AA64PFR0_EL1", "X0"), ("PSTATE", "X0")]);
    nothing_is_overwritten::<X86>(&[
        ("FPR0", "ST0"),
        ("CR3", "PDPTR0"),
        ("XCR0", "YMMH0"),
        ("RAX", "EXCEPTION_PENDING"),
        ("CR8", "APIC_TASKPRI"),
        ("APIC_LVTT", "IA32_TSC_DEADLINE"),
        ("IA32_TSC", "IA32_TSC_DEADLINE"),
        ("EXCEPTION_NR", "MP_STATE"),
    ]);
}
