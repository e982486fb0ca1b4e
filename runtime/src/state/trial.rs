//! Which bits of a register a vCPU takes, found out by writing them.

use crate::bits::Field;
use crate::error::Error;
use crate::register::Arch;
use crate::registers::Registers;
use crate::table::{Digits, Info};

/// How many neighbouring fields may come only together (x86: the three components of AVX-512 in XCR0).
const TOGETHER: usize = 3;

/// Returns the bits that `vcpu` takes of a register of up to 128 bits, in this host's byte order: those of the fields that
/// can be set as a whole, each tried over what was taken before it, alone and then with its next ones, the least significant
/// first. The register then has its value back.
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
    let fields = info.row.fields.iter().rev().filter(|field| !field.kind.is_reserved());
    let fields: Vec<u128> = fields.map(Field::mask).collect();
    let mut left = fields.as_slice();
    while let [_, after @ ..] = left {
        let mut all = 0;
        let takes = |field: &u128| {
            all |= field;
            vcpu.write_bytes(info.place, &bytes(taken | all, present.len())).is_ok()
        };
        match left.iter().take(TOGETHER).position(takes) {
            Some(last) => {
                (taken, mask) = (taken | all, mask | all);
                left = &left[last + 1..];
            }
            None => left = after,
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
