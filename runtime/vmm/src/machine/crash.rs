//! What a guest that cannot go on leaves on stderr: of every vCPU, where it stopped and what its registers hold.

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};

use onereg::{Class, Saved};
use vm_memory::{Bytes, GuestAddress};

use super::arch::instruction;
use super::vcpu::Vcpu;
use super::vm::Vm;
use crate::failure::Failure;
use crate::state;

/// Bytes shown of what a vCPU executes: the longest instruction of x86 has 15.
const SHOWN: u64 = 16;

/// Prints all `count` vCPUs of a guest, which the one of that index ended, if one did.
pub(super) fn report(vm: &Vm, vcpus: &[Vcpu], count: u16, crashed: Option<usize>) {
    let who = crashed.map_or("its kernel".to_owned(), |index| format!("vCPU {index}"));
    let mut out = BufWriter::new(io::stderr().lock());
    // The guest has crashed whether or not somebody reads this.
    let _ = writeln!(
        out,
        "onereg-vmm: {who} ended the guest; the registers of every vCPU, but those that are zero or longer than \
         64 bits, which `--dump FILE` keeps too:"
    )
    .and_then(|()| print_all(vm, vcpus, count, &mut out));
}

fn print_all(vm: &Vm, vcpus: &[Vcpu], count: u16, out: &mut impl Write) -> io::Result<()> {
    for index in 0..count {
        let Some(vcpu) = vcpus.iter().find(|vcpu| vcpu.index() == index) else {
            writeln!(out, "vCPU {index} does not stop, because it waits for its output")?;
            continue;
        };
        if let Err(failure) = print(vm, vcpu, out) {
            writeln!(out, "vCPU {index} cannot be read: {failure}")?;
        }
    }
    out.flush()
}

fn print(vm: &Vm, vcpu: &Vcpu, out: &mut impl Write) -> Result<(), Failure> {
    let address = instruction::address(vcpu)?;
    let bytes = bytes(vm, vcpu, address)?;
    write!(out, "vCPU {} at {address:#018x}, where ", vcpu.index())?;
    match bytes.is_empty() {
        true => writeln!(out, "no memory can be read")?,
        false => writeln!(out, "memory has{bytes}")?,
    }
    let captured = vcpu.capture(vm)?;
    for saved in captured.registers().filter(is_shown) {
        state::print(saved, out)?;
    }
    Ok(())
}

/// Reads what a vCPU finds there, as text: less where less is mapped.
fn bytes(vm: &Vm, vcpu: &Vcpu, address: u64) -> Result<String, Failure> {
    let mut text = String::new();
    for offset in 0..SHOWN {
        let at = instruction::physical(vcpu, vm.memory(), address.wrapping_add(offset))?;
        let byte = at.and_then(|at| vm.memory().read_obj::<u8>(GuestAddress(at)).ok());
        let Some(byte) = byte else { break };
        // Text takes whatever is written to it.
        let _ = write!(text, " {byte:02x}");
    }
    Ok(text)
}

fn is_shown(saved: &Saved<'_>) -> bool {
    let value = saved.value();
    saved.class() == Class::State && value.len() <= 8 && value.iter().any(|byte| *byte != 0)
}
