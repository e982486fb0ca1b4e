//! Whether a state can be restored, judged from a host's profile; and that a restore agrees.

use onereg::{
    Access, Arch, Arm64, Concern, Host, HostProfile, Memory, Registers, RestoreOptions, Riscv,
    Verdict, X86,
};

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
