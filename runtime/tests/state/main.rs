//! Complete state of vCPUs: captured, restored, verified, kept in files.

#![cfg(feature = "kvm")]

mod check;
mod faults;
mod files;
mod policies;
mod regressions;
mod round_trip;
mod target;

use onereg::{Arch, Capture, Memory, Present, Registers, Unknown, VcpuState};

/// Captures everything that a vCPU in memory has.
fn capture<A: Arch>(vcpu: &impl Registers<A>) -> VcpuState {
    let Capture { state, skipped, .. } =
        VcpuState::capture(vcpu, Present::Table, Unknown::Refuse).unwrap();
    assert!(skipped.is_empty());
    state
}

/// Reads one register's bytes by name.
fn read<A: Arch>(vcpu: &impl Registers<A>, name: &str) -> Vec<u8> {
    let place = A::TABLE.by_name(name).unwrap().place;
    let mut bytes = vec![0; place.size(vcpu.host())];
    vcpu.read_bytes(place, &mut bytes).unwrap();
    bytes
}

/// Fills every register that a state holds with values that its fields allow.
fn fill<A: Arch>(vcpu: &Memory<A>, seed: u64) {
    let mut random = target::Random(seed);
    for info in A::TABLE.registers {
        let mut value = vec![0; info.place.size(vcpu.host())];
        random.legal(info, &mut value);
        vcpu.write_bytes(info.place, &value).unwrap();
    }
}
