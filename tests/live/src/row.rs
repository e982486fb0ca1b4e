//! A register that no table has, as a row ready to paste.

use onereg::{Group, Table};

use crate::release::Release;

const SIZE_SHIFT: u32 = 52;
const CODE_SHIFT: u32 = 56;

/// Returns the file of the tables that the id belongs to and the row for it; `None` for the file where no group has it.
pub(crate) fn of(table: &Table, id: u64, release: Release) -> (Option<&'static str>, String) {
    let body = id & !(0xff << CODE_SHIFT | 0xf << SIZE_SHIFT);
    let width = 8u64 << (id >> SIZE_SHIFT & 0xf);
    let group = group_of(table, body);
    let number = match group {
        Some(group) => number(group, body),
        None => format!("{body:#x}"),
    };
    let newer = Release::parse(table.kernel).is_some_and(|known| known < release);
    let since = if newer { format!(", since: \"{release}\"") } else { String::new() };
    let row = format!(
        "  - {{name: UNKNOWN_{body:X}, width: {width}, number: {number}{since}, doc: \"Listed by Linux {release}\"}}"
    );
    (group.map(|group| group.name), row)
}

/// Finds the group whose fixed bits the id has: of several the one with the fewest numbers.
fn group_of(table: &Table, body: u64) -> Option<&'static Group> {
    let fits = |group: &&Group| group.mask != 0 && body & !group.mask == group.base;
    table.groups.iter().filter(fits).min_by_key(|group| group.mask.count_ones())
}

/// Writes the number in its group, by named parts where the group has them.
fn number(group: &Group, body: u64) -> String {
    if group.parts.is_empty() {
        return format!("{:#x}", body & group.mask);
    }
    let part = |part: &onereg::GroupPart| {
        let mask = u64::MAX >> (63 - (part.msb - part.lsb));
        let value = body >> part.lsb & mask;
        format!("{}: {value}", part.name)
    };
    let parts: Vec<String> = group.parts.iter().map(part).collect();
    format!("{{{}}}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use onereg::{Arch, Arm64, Powerpc, Riscv};

    fn row(table: &Table, id: u64, release: &str) -> (Option<&'static str>, String) {
        of(table, id, Release::parse(release).unwrap())
    }

    #[test]
    fn a_number_with_parts_is_taken_apart() {
        let (group, row) = row(Arm64::TABLE, 0x6030_0000_0013_c4ff, "7.3.4");
        assert_eq!(group, Some("sysreg"));
        assert_eq!(
            row,
            "  - {name: UNKNOWN_13C4FF, width: 64, number: {op0: 3, op1: 0, crn: 9, crm: 15, op2: 7}, doc: \"Listed by Linux 7.3\"}"
        );
    }

    #[test]
    fn a_newer_kernel_is_named() {
        let (group, row) = row(Riscv::TABLE, 0x8030_0000_0700_00ff, "8.0.1");
        assert_eq!(group, Some("isa_ext"));
        assert_eq!(
            row,
            "  - {name: UNKNOWN_70000FF, width: 64, number: {subtype: 0, index: 255}, since: \"8.0\", doc: \"Listed by Linux 8.0\"}"
        );
    }

    #[test]
    fn an_id_of_no_group_keeps_all_its_bits() {
        let (group, row) = row(Arm64::TABLE, 0x6080_0000_0017_0001, "7.3");
        assert_eq!(group, None);
        assert_eq!(
            row,
            "  - {name: UNKNOWN_170001, width: 2048, number: 0x170001, doc: \"Listed by Linux 7.3\"}"
        );
    }

    #[test]
    fn a_plain_number_is_hexadecimal() {
        let (group, row) = row(Powerpc::TABLE, 0x1040_0000_8000_007f, "7.3");
        assert_eq!(group, Some("tm"));
        assert_eq!(
            row,
            "  - {name: UNKNOWN_8000007F, width: 128, number: 0x7f, doc: \"Listed by Linux 7.3\"}"
        );
    }
}
