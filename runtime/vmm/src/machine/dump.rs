//! `run --dump`: the state of every vCPU as a file.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use onereg::{Present, StateFile, Unknown, VcpuState};

use super::vcpu::Vcpu;
use super::vm::Vm;
use crate::failure::Failure;
use crate::probe;

/// Writes the state of all `count` vCPUs to a file; where the guest failed too, what is wrong with the dump comes first.
pub(super) fn write<T>(
    vm: &Vm,
    vcpus: &[Vcpu],
    count: u16,
    path: &Path,
    guest: &Result<T, Failure>,
) -> Result<(), Failure> {
    match (dump(vm, vcpus, count, path), guest) {
        (Err(failure), Err(_)) => {
            let _ = writeln!(io::stderr(), "onereg-vmm: {failure}");
            Ok(())
        }
        (result, _) => result,
    }
}

fn dump(vm: &Vm, vcpus: &[Vcpu], count: u16, path: &Path) -> Result<(), Failure> {
    if vcpus.len() != usize::from(count) {
        return Err(Failure::new(format!(
            "nothing is dumped: {} of {count} vCPUs do not stop, because they wait for their output",
            usize::from(count) - vcpus.len()
        )));
    }
    let release = probe::kernel_release()?;
    let capture = |vcpu: &Vcpu| capture(vm, vcpu).map(|state| state.on_kernel(&release));
    let file = StateFile { vcpus: vcpus.iter().map(capture).collect::<Result<_, _>>()? };
    fs::write(path, file.to_bytes())
        .map_err(|error| Failure::new(format!("cannot write the dump {}: {error}", path.display())))
}

/// Captures a vCPU, with what no table knows.
fn capture(vm: &Vm, vcpu: &Vcpu) -> Result<VcpuState, Failure> {
    let fd = vm.descriptor();
    let registers = vcpu.registers().within(&fd);
    let ids = registers
        .listed_ids(&vm.system())
        .map_err(|error| Failure::new(format!("cannot list the registers of a vCPU: {error}")))?;
    let present = ids.as_deref().map_or(Present::Table, Present::Listed);
    VcpuState::capture(&registers, present, Unknown::Carry)
        .map(|capture| capture.state)
        .map_err(|error| Failure::new(format!("cannot dump a vCPU: {error}")))
}
