//! Which bits of a register a vCPU takes, found out by writing them.

use crate::error::Error;
use crate::register::Arch;
use crate::registers::Registers;
use crate::table::{Digits, Info};

/// Returns the bits that `vcpu` takes of a register of up to 128 bits, in this host's byte order: those of the fields that
/// can be set as a whole, each tried over what was taken before it, the least significant first. The register then has its
/// value back.
///
/// # Errors
///
/// Returns the error of a register that cannot be read, or does not take its value back.
pub fn writable_bits<A: Arch>(
    vcpu: &(impl Registers<A> + ?Sized),
    info: &Info,
) -> Result<Vec<u8>, Error> {
    let mut present = vec![0; info.place.size(vcpu.host())];
    vcpu.read_bytes(info.place, &mut present)?;
    let (mut taken, mut mask) = (Digits(&present).number().unwrap_or(0), 0);
    for field in info.row.fields.iter().rev().filter(|field| !field.kind.is_reserved()) {
        let all = field.insert(0, u128::MAX >> (128 - field.width())).unwrap_or(0);
        if vcpu.write_bytes(info.place, &bytes(taken | all, present.len())).is_ok() {
            (taken, mask) = (taken | all, mask | all);
        }
    }
    vcpu.write_bytes(info.place, &present)?;
    Ok(bytes(mask, present.len()))
}

/// Writes a number in this host's byte order.
fn bytes(number: u128, size: usize) -> Vec<u8> {
    let size = size.min(size_of::<u128>());
    if cfg!(target_endian = "big") {
        number.to_be_bytes()[size_of::<u128>() - size..].to_vec()
    } else {
        number.to_le_bytes()[..size].to_vec()
    }
}
