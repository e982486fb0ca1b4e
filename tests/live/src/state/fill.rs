//! Legal values for every register that takes any.

use onereg::{Access, Arch, Class, Field, Info, Registers, Scope, WriteRule};

use crate::arch::Host;
use crate::machine::{Machine, read_value};
use crate::random::Random;

/// How many registers have a value of their own.
#[derive(Debug, Default)]
pub(super) struct Filled {
    /// They took a value.
    pub(super) taken: usize,
    /// The kernel refused every value, so they keep theirs.
    pub(super) kept: usize,
}

/// Writes values to every wanted register of class `state` that takes any, against the order of a restore: what comes
/// later there may start something that ends in a reset, which is to come before everything else has its value.
pub(super) fn fill(
    machine: &Machine,
    random: &mut Random,
    wanted: impl Fn(&Info) -> bool,
) -> Filled {
    let mut registers: Vec<&Info> = Host::TABLE.registers.iter().collect();
    registers.sort_by_key(|info| info.row.phase);
    registers.reverse();
    let last = registers.first().and_then(|info| info.row.phase);
    let mut filled = Filled::default();
    for phase in registers.chunk_by(|a, b| a.row.phase == b.row.phase) {
        for info in phase.iter().filter(|info| takes_any(info) && wanted(info)) {
            match fill_one(machine, info, random) {
                Some(true) => filled.taken += 1,
                Some(false) => filled.kept += 1,
                None => {}
            }
        }
        // Reading the running state delivers what is pending.
        for info in registers.iter().filter(|info| info.row.phase == last) {
            let _ = read_value(machine, info);
        }
    }
    filled
}

fn takes_any(info: &Info) -> bool {
    let row = info.row;
    (row.class, row.scope) == (Class::State, Scope::Vcpu)
        && matches!(row.write, WriteRule::Any | WriteRule::VcpuBits)
        && row.access == Access::ReadWrite
        && !row.hidden
}

/// Writes a value to a register, and says whether it took one; `None` where it is not there.
fn fill_one(machine: &Machine, info: &Info, random: &mut Random) -> Option<bool> {
    let present = read_value(machine, info).ok()?;
    let registers = machine.registers();
    let takes = |value: &[u8]| registers.write_bytes(info.place, value).is_ok();
    if info.row.fields.is_empty() {
        return Some(plain(&present, random).iter().any(|value| takes(value)));
    }
    let fields = || info.row.fields.iter().filter(|field| !field.kind.is_reserved());
    let mut all = number(&present)?;
    for field in fields() {
        all = with_random(field, all, random);
    }
    if takes(&bytes(all, present.len())) {
        return Some(true);
    }
    // One field after the other, each over what was taken so far.
    let mut taken = false;
    let mut value = number(&present)?;
    for field in fields() {
        let changed = with_random(field, value, random);
        if changed != value && takes(&bytes(changed, present.len())) {
            (value, taken) = (changed, true);
        }
    }
    Some(taken)
}

/// Values without known fields: any; one that could be an address, aligned; a small one; the present one, but for a bit.
fn plain(present: &[u8], random: &mut Random) -> [Vec<u8>; 4] {
    let any: Vec<u8> = present.iter().map(|_| random.next() as u8).collect();
    let Some(bits) = number(&any).filter(|_| any.len() > 1) else {
        return [any.clone(), any.clone(), any.clone(), any];
    };
    let size = any.len();
    let flipped = number(present).unwrap_or(0) ^ 1;
    [any, bytes(bits & 0x7fff_ffff_f000, size), bytes(bits & 0x7f, size), bytes(flipped, size)]
}

/// Gives a field another value: one that has a name, where values have names.
fn with_random(field: &Field, bits: u128, random: &mut Random) -> u128 {
    let value = match field.values {
        [] => u128::from(random.next()) & (u128::MAX >> (128 - field.width())),
        values => u128::from(values[random.below(values.len())].1),
    };
    field.insert(bits, value).unwrap_or(bits)
}

/// Reads a value in the host's byte order; `None` of one that is longer than a number.
fn number(value: &[u8]) -> Option<u128> {
    if value.len() > size_of::<u128>() {
        return None;
    }
    let digit = |number: u128, byte: &u8| number << 8 | u128::from(*byte);
    Some(if cfg!(target_endian = "big") {
        value.iter().fold(0, digit)
    } else {
        value.iter().rev().fold(0, digit)
    })
}

/// Writes a number in the host's byte order.
fn bytes(number: u128, size: usize) -> Vec<u8> {
    let size = size.min(size_of::<u128>());
    if cfg!(target_endian = "big") {
        number.to_be_bytes()[size_of::<u128>() - size..].to_vec()
    } else {
        number.to_le_bytes()[..size].to_vec()
    }
}
