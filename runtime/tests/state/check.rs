//! Whether a state can be restored, judged from a host's profile; and that a restore agrees.

use onereg::{
    Access, Arch, Arm64, Concern, Host, HostProfile, Memory, Registers, RestoreOptions, Riscv,
    Verdict, X86, writable_bits,
};

use crate::target::Strict;
use crate::{capture, fill, read};

/// The profile of a host whose vCPUs are like `vcpu`, but for the registers called `without`.
fn profile<A: Arch>(vcpu: &Memory<A>, kernel: &str, without: &[&str]) -> HostProfile {
    let mut profile = HostProfile::new(kernel);
    for info in A::TABLE.registers {
        if info.row.access != Access::WriteOnly && !without.contains(&info.name) {
            let value = Some(read(vcpu, info.name));
            profile.add(info.name, info.place.id(vcpu.host()), value);
        }
    }
    profile
}

fn set<A: Arch>(vcpu: &Memory<A>, name: &str, value: u64) {
    let place = A::TABLE.by_name(name).unwrap().place;
    vcpu.write_bytes(place, &value.to_ne_bytes()[..place.size(vcpu.host())]).unwrap();
}

fn only(concerns: &[Concern]) -> (Verdict, String, String) {
    let [concern] = concerns else { panic!("{concerns:?}") };
    (concern.verdict, concern.difference.name().to_owned(), concern.reason.clone())
}

fn is_restorable_on_itself<A: Arch>() {
    let vcpu = Memory::<A>::new(Host::LP64);
    fill(&vcpu, 21);
    let concerns = capture(&vcpu).check(&profile(&vcpu, "7.3", &[]));
    assert!(concerns.is_empty(), "{}: {concerns:?}", A::TABLE.name);
}

#[test]
fn a_state_is_restorable_on_its_own_host() {
    is_restorable_on_itself::<Arm64>();
    is_restorable_on_itself::<Riscv>();
    is_restorable_on_itself::<onereg::Powerpc>();
    is_restorable_on_itself::<X86>();
}

/// vmm-anchors 2.2, 23: migration between kernels that know different registers.
#[test]
fn bug_23_a_register_of_a_newer_kernel_blocks_or_is_dropped() {
    let name = "VENDOR_HYP_BMAP_2";
    let vcpu = Memory::<Arm64>::new(Host::LP64);
    let older = profile(&vcpu, "6.12.1", &[name]);
    let (verdict, dropped, reason) = only(&capture(&vcpu).check(&older));
    assert_eq!((verdict, dropped.as_str()), (Verdict::WhenDropped, name));
    assert!(reason.starts_with("it is 0"), "{reason}");
    // What the check says is what happens.
    let places = Arm64::TABLE.registers.iter().filter(|info| info.name != name);
    let target = Memory::<Arm64>::holding(Host::LP64, places.map(|info| info.place));
    let state = capture(&vcpu);
    assert!(state.restore(&target, &RestoreOptions::default()).is_err());
    let options = RestoreOptions { dropped: vec![dropped], ..RestoreOptions::default() };
    state.restore(&target, &options).unwrap();

    set(&vcpu, name, 1);
    let (verdict, _, reason) = only(&capture(&vcpu).check(&older));
    assert_eq!(verdict, Verdict::Blocked);
    let since = Arm64::TABLE.by_name(name).unwrap().row.since.unwrap();
    let expected = format!("(since Linux {since}, the host runs 6.12.1");
    assert!(reason.contains(&expected), "{reason}");
}

#[test]
fn a_register_that_the_guest_never_had_is_dropped_whatever_it_holds() {
    let vcpu = Memory::<Arm64>::new(Host::LP64);
    let without = profile(&vcpu, "7.3", &["PIR_EL1"]);
    set(&vcpu, "PIR_EL1", 0x1de7_ec7e_dbad_c0de);
    let (verdict, _, reason) = only(&capture(&vcpu).check(&without));
    assert_eq!(verdict, Verdict::WhenDropped);
    assert!(reason.starts_with("the guest never had it: it needs id:ID_AA64MMFR3_EL1.S1PIE"));
    // S1PIE.
    set(&vcpu, "ID_AA64MMFR3_EL1", 1 << 8);
    let concerns = capture(&vcpu).check(&without);
    let pir = concerns.iter().find(|concern| concern.difference.name() == "PIR_EL1").unwrap();
    assert_eq!(pir.verdict, Verdict::Blocked);
}

#[test]
fn what_must_match_blocks() {
    let vcpu = Memory::<Riscv>::new(Host::LP64);
    set(&vcpu, "TIMER_FREQUENCY", 10_000_000);
    let state = capture(&vcpu);
    set(&vcpu, "TIMER_FREQUENCY", 24_000_000);
    let (verdict, name, _) = only(&state.check(&profile(&vcpu, "7.3", &[])));
    assert_eq!((verdict, name.as_str()), (Verdict::Blocked, "TIMER_FREQUENCY"));
}

#[test]
fn an_extension_that_the_host_lacks_blocks_and_one_that_it_has_does_not() {
    let (on, off) = (Memory::<Riscv>::new(Host::LP64), Memory::<Riscv>::new(Host::LP64));
    set(&on, "ISA_EXT_ZBB", 1);
    let concerns = capture(&on).check(&profile(&off, "7.3", &[]));
    assert_eq!(only(&concerns).0, Verdict::Blocked);
    let concerns = capture(&off).check(&profile(&on, "7.3", &[]));
    assert_eq!(only(&concerns).0, Verdict::Restorable);
}

#[test]
fn a_feature_beyond_the_hosts_is_named_by_field() {
    let (guest, host) = (Memory::<Arm64>::new(Host::LP64), Memory::<Arm64>::new(Host::LP64));
    set(&guest, "ID_AA64ISAR0_EL1", 0x2 << 4);
    set(&host, "ID_AA64ISAR0_EL1", 0x1 << 4 | 0x1 << 8);
    let concerns = capture(&guest).check(&profile(&host, "7.3", &[]));
    assert_eq!(only(&concerns).0, Verdict::Blocked);
    let text = concerns[0].difference.to_string();
    assert!(text.starts_with("ID_AA64ISAR0_EL1 (0x603000000013c030): "), "{text}");
    set(&host, "ID_AA64ISAR0_EL1", 0x2 << 4 | 0x1 << 8);
    let concerns = capture(&guest).check(&profile(&host, "7.3", &[]));
    assert_eq!(only(&concerns).0, Verdict::Restorable);
}

#[test]
fn a_vector_length_that_the_host_lacks_blocks() {
    let (guest, host) = (Memory::<Arm64>::new(Host::LP64), Memory::<Arm64>::new(Host::LP64));
    let vls = Arm64::TABLE.by_name("SVE_VLS").unwrap().place;
    let lengths = |bits: u8| {
        let mut value = [0; 64];
        value[0] = bits;
        value
    };
    guest.write_bytes(vls, &lengths(0b11)).unwrap();
    host.write_bytes(vls, &lengths(0b01)).unwrap();
    let check = || capture(&guest).check(&profile(&host, "7.3", &[]));
    assert_eq!(only(&check()).0, Verdict::Blocked);
    host.write_bytes(vls, &lengths(0b1111)).unwrap();
    assert!(check().is_empty());
}

#[test]
fn an_identity_that_can_be_written_does_not_block() {
    let (guest, host) = (Memory::<X86>::new(Host::LP64), Memory::<X86>::new(Host::LP64));
    set(&guest, "IA32_UCODE_REV", 7 << 32);
    let concerns = capture(&guest).check(&profile(&host, "7.3", &[]));
    assert_eq!(only(&concerns).0, Verdict::Restorable);
}

#[test]
fn identities_are_judged_by_the_bits_that_the_host_lets_be_written() {
    let (guest, host) = (Memory::<Arm64>::new(Host::LP64), Memory::<Arm64>::new(Host::LP64));
    let judge = |guest: &Memory<Arm64>, name: &str, mask: u64| {
        let mut profile = profile(&host, "7.3", &[]);
        profile.add_writable(name, mask.to_ne_bytes().to_vec());
        let (verdict, _, reason) = only(&capture(guest).check(&profile));
        (verdict, reason)
    };
    // DIT and RAS.
    set(&host, "ID_AA64PFR0_EL1", 0x1 << 48 | 0x1 << 28);
    let (verdict, reason) = judge(&guest, "ID_AA64PFR0_EL1", 0xf << 28);
    assert_eq!(
        (verdict, reason.as_str()),
        (Verdict::Blocked, "the host does not let DIT be written")
    );
    let (verdict, reason) = judge(&guest, "ID_AA64PFR0_EL1", 0xf << 48 | 0xf << 28);
    assert_eq!(verdict, Verdict::Restorable, "{reason}");
    // A field that says more than the host has is refused by KVM even where it can be written.
    set(&guest, "ID_AA64PFR0_EL1", 0x1 << 48 | 0x2 << 28);
    assert_eq!(judge(&guest, "ID_AA64PFR0_EL1", u64::MAX).0, Verdict::Blocked);
    set(&guest, "ID_AA64PFR0_EL1", 0x1 << 48 | 0x1 << 28);
    set(&host, "REVIDR_EL1", 0x1 << 8);
    let (_, reason) = judge(&guest, "REVIDR_EL1", 0xf << 4);
    assert_eq!(reason, "the host does not let bits 0x0000000000000100 be written");
}

/// What the check says of a register that is `saved` in a state and `here` on the host.
fn judge<A: Arch>(name: &str, saved: u64, here: u64) -> (Verdict, String) {
    let (guest, host) = (Memory::<A>::new(Host::LP64), Memory::<A>::new(Host::LP64));
    set(&guest, name, saved);
    set(&host, name, here);
    let (verdict, _, reason) = only(&capture(&guest).check(&profile(&host, "7.3", &[])));
    (verdict, reason)
}

#[test]
fn each_field_of_an_identity_has_its_own_order() {
    let taken = |name, saved, here| judge::<Arm64>(name, saved, here).0 == Verdict::Restorable;
    // PMUVer: a lower one. 2 is not made of the bits of 1 and yet more; 1 is less than 2.
    assert!(taken("ID_AA64DFR0_EL1", 0x4 << 8, 0x6 << 8));
    assert!(taken("ID_AA64DFR0_EL1", 0x5 << 8, 0x6 << 8));
    assert!(!taken("ID_AA64DFR0_EL1", 0x6 << 8, 0x5 << 8));
    // TGRAN4: signed, 15 is none.
    assert!(taken("ID_AA64MMFR0_EL1", 0xf << 28, 0));
    assert!(!taken("ID_AA64MMFR0_EL1", 0, 0xf << 28));
    // TGRAN4_2: the host's own, or NI, which is 1.
    assert!(taken("ID_AA64MMFR0_EL1", 0x1 << 40, 0x2 << 40));
    assert!(!taken("ID_AA64MMFR0_EL1", 0, 0x2 << 40));
    assert!(!taken("ID_AA64MMFR0_EL1", 0x2 << 40, 0));
    // CWG: a larger granule, or 0, which is not known. SpecSEI: a higher one.
    assert!(taken("CTR_EL0", 0x5 << 24, 0x4 << 24));
    assert!(taken("CTR_EL0", 0, 0x4 << 24));
    assert!(!taken("CTR_EL0", 0x3 << 24, 0x4 << 24));
    // Bits 3..0 have no name yet.
    assert!(!taken("ID_AA64ISAR0_EL1", 0x1, 0));
    assert!(taken("ID_AA64ISAR0_EL1", 0, 0x1));
    assert!(taken("ID_MMFR4_EL1", 0x1, 0x0));
    assert!(!taken("ID_MMFR4_EL1", 0x0, 0x1));
}

#[test]
fn a_value_up_to_that_of_the_host_is_taken() {
    let blocked = (Verdict::Blocked, "it says more than the host has".to_owned());
    assert_eq!(judge::<Arm64>("PSCI_VERSION", 0x1_0003, 0x1_0001), blocked);
    assert_eq!(judge::<Arm64>("SMCCC_ARCH_WORKAROUND_1", 2, 1), blocked);
    let (verdict, reason) = judge::<Arm64>("PSCI_VERSION", 0x1_0000, 0x1_0003);
    assert_eq!((verdict, reason.as_str()), (Verdict::Restorable, "the saved value is written"));
    let (verdict, reason) = judge::<Arm64>("SMCCC_ARCH_WORKAROUND_1", 0, 2);
    let stays = "the host's value, which says more, stays";
    assert_eq!((verdict, reason.as_str()), (Verdict::Restorable, stays));
}

#[test]
fn bits_that_a_vcpu_lacks_block_and_are_named() {
    let (guest, host) = (Memory::<X86>::new(Host::LP64), Memory::<X86>::new(Host::LP64));
    let smep = 1 << 20;
    set(&guest, "CR4", smep | 1 << 5);
    let check = |mask: u64| {
        let mut profile = profile(&host, "7.3", &[]);
        profile.add_writable("CR4", mask.to_ne_bytes().to_vec());
        capture(&guest).check(&profile)
    };
    assert!(check(smep | 1 << 5 | 1 << 7).is_empty());
    let (verdict, name, reason) = only(&check(1 << 5));
    assert_eq!((verdict, name.as_str()), (Verdict::Blocked, "CR4"));
    assert_eq!(reason, "the host does not let SMEP be written");
}

#[test]
fn the_bits_that_a_vcpu_takes_are_found_by_writing_them() {
    let xcr0 = X86::TABLE.by_name("XCR0").unwrap();
    let number = |bytes: &[u8]| u64::from_ne_bytes(bytes.try_into().unwrap());
    // AVX needs SSE, the three of AVX-512 come only together, those of MPX and PKRU are not there.
    let takes = move |value: u64| {
        value & !0b1110_0111 == 0
            && value & 0b110 != 0b100
            && [0, 0b1110_0000].contains(&(value & 0b1110_0000))
    };
    let vcpu = Strict::<X86>::new(move |_, place, value| {
        let is_taken = place != xcr0.place || takes(number(value));
        if is_taken { Ok(()) } else { Err(22) }
    });
    set(&vcpu.memory, "XCR0", 1);
    assert_eq!(number(&writable_bits(&vcpu, xcr0).unwrap()), 0b1110_0111);
    assert_eq!(number(&read(&vcpu.memory, "XCR0")), 1);
}

#[test]
fn what_the_vcpu_alone_decides_may_differ() {
    let (saved, found) = (Memory::<Arm64>::new(Host::LP64), Memory::<Arm64>::new(Host::LP64));
    let differ = || {
        let differences = capture(&saved).differences(&capture(&found));
        differences.iter().map(onereg::Difference::may_differ).collect::<Vec<_>>()
    };
    // ISTATUS, and then ENABLE too.
    set(&found, "CNTV_CTL_EL0", 0b100);
    assert_eq!(differ(), [true]);
    set(&found, "CNTV_CTL_EL0", 0b101);
    assert_eq!(differ(), [false]);
    set(&found, "CNTV_CTL_EL0", 0);
    set(&found, "SMCCC_ARCH_WORKAROUND_3", 2);
    assert_eq!(differ(), [true]);
}
