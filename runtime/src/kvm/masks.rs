//! Which bits of arm64's ID registers a VM lets its owner change.

use std::io;
use std::os::fd::BorrowedFd;

use super::ioctl;
use crate::TABLES;
use crate::register::Place;
use crate::table::{Group, Info, Table};

/// Returns the ID registers of the table, each with the bits that KVM_SET_ONE_REG may change; none in a build without
/// arm64.
pub(super) fn writable(fd: BorrowedFd<'_>) -> io::Result<Vec<(&'static Info, u64)>> {
    let masks = ioctl::writable_masks(fd)?;
    let mask = |info: &'static Info| Some((info, *masks.get(position(info)?)?));
    Ok(table().into_iter().flat_map(|table| table.registers).filter_map(mask).collect())
}

fn table() -> Option<&'static Table> {
    TABLES.iter().copied().find(|table| table.name == "arm64")
}

/// Returns where the masks have that register (KVM_ARM_FEATURE_ID_RANGE_IDX); nowhere one that is no ID register.
fn position(info: &Info) -> Option<usize> {
    let Place::OneReg(id) = info.place else { return None };
    let group = table()?.groups.iter().find(|group| group.name == info.row.group)?;
    let part = |name| part(group, id, name);
    let (op1, crm, op2) = (part("op1")?, part("crm")?, part("op2")?);
    if (part("op0")?, part("crn")?) != (3, 0) || crm > 7 {
        return None;
    }
    let bank = match op1 {
        0 | 1 => op1,
        3 => 2,
        _ => return None,
    };
    Some(bank << 6 | crm << 3 | op2)
}

/// Returns the part of an id that its group calls `name`.
fn part(group: &Group, id: u64, name: &str) -> Option<usize> {
    let part = group.parts.iter().find(|part| part.name == name)?;
    let bits = id >> part.lsb & ((1 << (part.msb - part.lsb + 1)) - 1);
    usize::try_from(bits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_registers_are_where_the_kernel_has_them() {
        let at = |name| position(table().unwrap().by_name(name).unwrap());
        assert_eq!(at("MIDR_EL1"), Some(0));
        assert_eq!(at("ID_AA64PFR0_EL1"), Some(4 << 3));
        assert_eq!(at("ID_AA64MMFR2_EL1"), Some(7 << 3 | 2));
        assert_eq!(at("CLIDR_EL1"), Some(1 << 6 | 1));
        assert_eq!(at("CTR_EL0"), Some(2 << 6 | 1));
        assert_eq!(at("SCTLR_EL1"), None);
        assert_eq!(at("PC"), None);
    }
}
