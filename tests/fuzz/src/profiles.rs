//! Profiles of hosts: any JSON, and what is judged from it.

use std::sync::LazyLock;

use onereg::{Arch, Arm64, Host, Memory, Present, Registers, Unknown, VcpuState, Verdict};

use crate::profile::Profile;

/// Registers of every treatment: state, identities with and without fields, fixed by finalizing, read-only, derived.
const REGISTERS: &[&str] =
    &["PC", "X0", "MIDR_EL1", "ID_AA64ISAR0_EL1", "ID_AA64PFR0_EL1", "SVE_VLS", "CTR_EL0"];

static STATE: LazyLock<Option<VcpuState>> = LazyLock::new(|| {
    let infos = || REGISTERS.iter().filter_map(|name| Arm64::TABLE.by_name(name));
    let vcpu = Memory::<Arm64>::holding(Host::LP64, infos().map(|info| info.place));
    for info in infos() {
        vcpu.write_bytes(info.place, &vec![0x11; info.place.size(Host::LP64)]).ok()?;
    }

    Some(VcpuState::capture(&vcpu, Present::Table, Unknown::Refuse).ok()?.state)
});

/// Reads the input as a profile; of one that can be read, judges a small state by it.
pub fn profiles(input: &[u8]) {
    match Profile::parse(input) {
        Ok(Profile { arch, host }) => {
            assert!(arch.len() <= input.len());
            let state = STATE.as_ref().expect("the table has the registers");
            for concern in state.check(&host) {
                assert!(REGISTERS.contains(&concern.difference.name()));
                assert!(!concern.reason.is_empty() && !concern.difference.to_string().is_empty());
                assert!(concern.verdict <= Verdict::Blocked);
            }
        }
        Err(why) => assert!(!why.is_empty()),
    }
}
