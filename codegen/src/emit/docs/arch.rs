//! The overview of one architecture.

use std::fmt::Write as _;

use super::markdown::{self, code, html, table, text};
use super::{register, support};
use crate::model::{Arch, Carrier, Class, Group, Width};
use crate::query::{Coverage, Section, all_members, classes, count, number_bits_text, phases};

pub(super) fn page(arch: &Arch) -> String {
    let mut page = format!("# {}: {}\n\n", arch.name, text(&arch.doc));
    introduction(&mut page, arch);
    if arch.is_kvm() {
        ids(&mut page, arch);
    }
    groups(&mut page, arch);
    coverage(&mut page, arch);
    carriers(&mut page, arch);
    restore_order(&mut page, arch);
    if arch.is_kvm() {
        state_classes(&mut page, arch);
    }
    page
}

fn introduction(page: &mut String, arch: &Arch) {
    if !arch.kernel.is_empty() {
        let _ = writeln!(page, "- Checked against Linux {}", arch.kernel);
    }
    if !arch.verified.is_empty() {
        let _ = writeln!(page, "- Ids proven by {}", text(&arch.verified));
    }
    if arch.is_kvm() {
        let _ = writeln!(page, "- KVM_GET_ONE_REG and KVM_SET_ONE_REG: {}", support(&arch.one_reg));
        let _ = writeln!(page, "- KVM_GET_REG_LIST: {}", support(&arch.reg_list));
        page.push_str("- [What the ioctls do, and their errors](../ioctls.md)\n");
    }
    page.push('\n');
}

fn ids(page: &mut String, arch: &Arch) {
    let _ =
        writeln!(page, "## Ids\n\n![Bits of the ids of each group of {}](ids.svg)\n", arch.name);
    let code_bits =
        arch.code.map(|number| format!("architecture: {}", code(&format!("{number:#04x}"))));
    let bits = [
        ("63..56", code_bits.unwrap_or_default()),
        (
            "55..52",
            "binary logarithm of the size in bytes: 2 for 32 bits, 3 for 64, 4 for 128".to_owned(),
        ),
        ("51..0", "base of the group, in digits above, and the number in it".to_owned()),
    ];
    table(page, &["Bits", "Meaning"], bits.map(|(bits, meaning)| vec![bits.to_owned(), meaning]));
    if arch.registers.iter().any(|row| row.width == Width::Ulong) {
        page.push_str(
            "A register of width `ulong` has the size of the host's XLEN, so its id depends on the host: the ids here \
             are those of XLEN 64, unless the register exists on XLEN 32 alone. On XLEN 32 the size bits are 2.\n\n",
        );
    }
    if arch.registers.iter().any(|row| row.width == Width::Vlenb) {
        page.push_str(
            "A register of width `vlenb` has the size of the host's vector registers: the ids here are those of \
             128-bit ones.\n\n",
        );
    }
}

fn groups(page: &mut String, arch: &Arch) {
    page.push_str("## Groups\n\n");
    let row = |(index, group): (usize, &Group)| {
        let rows = arch.registers.iter().filter(|row| row.group == index);
        let carried = rows.clone().any(|row| row.via.is_some());
        vec![
            format!("[{0}]({0}.md)", group.name),
            if carried { String::new() } else { code(&format!("{:#010x}", group.base)) },
            if carried { "offset in a struct".to_owned() } else { number_bits_text(group) },
            count(rows).to_string(),
            text(&group.doc),
        ]
    };
    table(
        page,
        &["Group", "Base", "Number", "Registers", ""],
        arch.groups.iter().enumerate().map(row),
    );
}

fn coverage(page: &mut String, arch: &Arch) {
    let rows = arch.groups.iter().enumerate().map(|(index, group)| {
        let members = all_members(arch).filter(|member| member.row.group == index);
        let counts = Coverage::of(members);
        let counts = [
            counts.described,
            counts.plain,
            counts.implementation_defined,
            counts.opaque,
            counts.undescribed,
        ];
        let counts = counts.iter().map(u32::to_string);
        std::iter::once(code(&group.name)).chain(counts).collect()
    });
    let _ = writeln!(page, "## Fields\n\n{}.\n", Coverage::of(all_members(arch)));
    table(
        page,
        &["Group", "With fields", "Plain value", "Implementation-defined", "Opaque", "Undescribed"],
        rows,
    );
}

fn carriers(page: &mut String, arch: &Arch) {
    if arch.carriers.is_empty() {
        return;
    }
    page.push_str(
        "## Other ioctls\n\nThey carry what the two ioctls do not reach, each a whole struct.\n\n",
    );
    let rows = arch.carriers.iter().map(|carrier| {
        let structure = code(&format!("struct {}", carrier.structure));
        vec![
            markdown::anchor(&carrier_anchor(carrier)) + &structure,
            format!("{}{}", carrier.size, if carrier.block.is_some() { " or more" } else { "" }),
            carrier.get.name.clone(),
            carrier.set.as_ref().map(|set| set.name.clone()).unwrap_or_default(),
            text(&carrier.doc),
        ]
    });
    table(page, &["Struct", "Bytes", "Reads", "Writes", ""], rows);
}

fn restore_order(page: &mut String, arch: &Arch) {
    if arch.phases.is_empty() {
        return;
    }
    page.push_str("## Restore order\n\n");
    for (index, section) in phases(arch) {
        links(page, arch, &phase_anchor(index), &section);
    }
}

fn state_classes(page: &mut String, arch: &Arch) {
    page.push_str("## Classes\n\n");
    for (class, section) in classes(arch) {
        links(page, arch, &class_anchor(class), &section);
    }
}

/// Appends links to the rows of a section, folded up.
fn links(page: &mut String, arch: &Arch, anchor: &str, section: &Section<'_>) {
    let links = section
        .rows
        .iter()
        .map(|row| format!("[{}]({})", row.name.text, register::link(arch, row)));
    let _ = writeln!(
        page,
        "{}\n<details>\n<summary>{} ({})</summary>\n\n{}\n\n</details>\n",
        markdown::anchor(anchor),
        html(&section.title),
        section.size(),
        links.collect::<Vec<_>>().join(", ")
    );
}

/// Anchor of a carrier.
pub(super) fn carrier_anchor(carrier: &Carrier) -> String {
    format!("carrier-{}", carrier.name)
}

/// Anchor of a class of state.
pub(super) fn class_anchor(class: Class) -> String {
    format!("class-{}", class.word())
}

/// Anchor of a phase, by its number: its name is any text.
pub(super) fn phase_anchor(phase: usize) -> String {
    format!("phase-{}", phase + 1)
}
