//! The page of one group: its registers in a table, and in detail.

use std::fmt::Write as _;

use super::markdown::{sentence, table};
use super::register;
use crate::model::Arch;

pub(super) fn page(arch: &Arch, index: usize) -> String {
    let group = &arch.groups[index];
    let mut page = format!("# {}: {}\n\n", arch.name, group.name);
    let _ = writeln!(page, "{}\n", sentence(&group.doc));
    let _ = writeln!(page, "- [Every group of {}](README.md#groups)\n", arch.name);
    let rows: Vec<_> = arch.registers.iter().filter(|row| row.group == index).collect();
    let place = if rows.iter().any(|row| row.via.is_some()) {
        "Struct and offset"
    } else if arch.is_kvm() {
        "Id"
    } else {
        "Address"
    };
    let header =
        ["Arch", "Register", "Width (bits)", place, "Access", "Requires", "Since", "Description"];
    table(&mut page, &header, rows.iter().flat_map(|row| register::rows(arch, row)));
    register::sections(&mut page, arch, &rows);
    page
}
