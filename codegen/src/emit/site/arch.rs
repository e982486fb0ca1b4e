//! The page of one architecture.

use std::fmt::Write as _;

use super::html::{code, link, place, table, text};
use super::{bits, register, shell};
use crate::emit::docs::support;
use crate::model::{Arch, Carrier, Class, Group, Register, Width};
use crate::query::{
    Coverage, Member, Section, all_members, classes, count, home, number_bits_text, phases,
    row_members,
};

pub(super) fn page(archs: &[Arch], arch: &Arch) -> String {
    let mut content =
        format!("<h1>{}</h1>\n<p class=\"lead\">{}</p>\n", text(&arch.name), text(&arch.doc));
    introduction(&mut content, arch);
    for index in 0..arch.groups.len() {
        group(&mut content, arch, index);
    }
    if arch.is_kvm() {
        content.push_str("<h2 id=\"about:ids\">Ids</h2>\n");
        id_bits(&mut content, Some(arch));
    }
    carriers(&mut content, arch);
    restore_order(&mut content, arch);
    if arch.is_kvm() {
        state_classes(&mut content, arch);
    }
    errors(&mut content, arch);
    shell::page(archs, &arch.name, &aside(arch), &content)
}

/// Anchor of a group: no register's, whose names have no colon.
pub(super) fn group_anchor(group: &Group) -> String {
    format!("group:{}", group.name)
}

fn aside(arch: &Arch) -> String {
    let group = |(index, group): (usize, &Group)| {
        let count = count(rows(arch, index)).to_string();
        (format!("#{}", group_anchor(group)), group.name.clone(), count)
    };
    let mut links: Vec<_> = arch.groups.iter().enumerate().map(group).collect();
    let abouts = [
        ("ids", "Ids", arch.is_kvm()),
        ("ioctls", "Other ioctls", !arch.carriers.is_empty()),
        ("order", "Restore order", !arch.phases.is_empty()),
        ("classes", "Classes", arch.is_kvm()),
        ("errors", "Errors", !arch.errors.is_empty()),
    ];
    for (anchor, words, there) in abouts {
        if there {
            links.push((format!("#about:{anchor}"), words.to_owned(), String::new()));
        }
    }
    shell::aside(&links)
}

fn introduction(page: &mut String, arch: &Arch) {
    page.push_str("<ul class=\"facts\">\n");
    if !arch.kernel.is_empty() {
        let _ = writeln!(page, "<li>Checked against Linux {}</li>", text(&arch.kernel));
    }
    if !arch.verified.is_empty() {
        let _ = writeln!(page, "<li>Ids proven by {}</li>", text(&arch.verified));
    }
    if arch.is_kvm() {
        let offers = [
            ("KVM_GET_ONE_REG and KVM_SET_ONE_REG", &arch.one_reg),
            ("KVM_GET_REG_LIST", &arch.reg_list),
        ];
        for (name, offered) in offers {
            let _ = writeln!(page, "<li>{name}: {}</li>", text(&support(offered)));
        }
    }
    let _ = writeln!(page, "<li>{}</li>", Coverage::of(all_members(arch)));
    page.push_str("</ul>\n");
}

fn rows(arch: &Arch, group: usize) -> impl Iterator<Item = &Register> {
    arch.registers.iter().filter(move |row| row.group == group)
}

fn group(page: &mut String, arch: &Arch, index: usize) {
    let group = &arch.groups[index];
    let _ = writeln!(
        page,
        "<section class=\"group\"><h2 id=\"{0}\"><a href=\"#{0}\">{1}</a></h2>\n<p>{2}</p>",
        text(&group_anchor(group)),
        text(&group.name),
        text(&group.doc)
    );
    let carried = rows(arch, index).any(|row| row.via.is_some());
    if !carried {
        let _ = writeln!(
            page,
            "<p class=\"note\">Base {}, number in bits {}</p>",
            code(&format!("{:#010x}", group.base)),
            text(&number_bits_text(group))
        );
        if arch.is_kvm() {
            bits::ids(page, arch, group);
        }
    }
    let place = match (carried, arch.is_kvm()) {
        (true, _) => "Struct and offset",
        (false, true) => "Id",
        (false, false) => "Address",
    };
    let header = ["Register", place, "Bits", "Access", "Description"];
    table(page, "list", &header, rows(arch, index).map(|row| cells(arch, row)));
    for row in rows(arch, index) {
        register::article(page, arch, row);
    }
    page.push_str("</section>\n");
}

fn cells(arch: &Arch, row: &Register) -> Vec<String> {
    let first = Member { arch, row, index: 0, host: home(row) };
    let last = row_members(arch, row, first.host).last().filter(|member| member.index > 0);
    let places = [Some(first), last].into_iter().flatten().map(|member| place(&member.place()));
    vec![
        link(&format!("#{}", first.name()), &row.name.text),
        places.collect::<Vec<_>>().join("<br>"),
        row.width.to_string(),
        row.access.word().to_owned(),
        text(&row.doc),
    ]
}

/// Appends what the bits of an id say: of those of `arch`, or of any.
pub(super) fn id_bits(page: &mut String, arch: Option<&Arch>) {
    let of_arch = arch.and_then(|arch| arch.code).map(|number| code(&format!("{number:#04x}")));
    let rows = [
        ("63..56", format!("architecture: {}", of_arch.unwrap_or_else(|| "its code".to_owned()))),
        (
            "55..52",
            "binary logarithm of the size in bytes: 2 for 32 bits, 3 for 64, 4 for 128".to_owned(),
        ),
        ("51..0", "base of the group, and the number in it".to_owned()),
    ];
    table(
        page,
        "plain",
        &["Bits", "Meaning"],
        rows.map(|(bits, meaning)| vec![code(bits), meaning]),
    );
    let has = |width| arch.is_some_and(|arch| arch.registers.iter().any(|row| row.width == width));
    if has(Width::Ulong) {
        page.push_str(
            "<p>A register of width <code>ulong</code> has the size of the host's XLEN: the ids here are those of \
             XLEN 64, unless the register exists on XLEN 32 alone.</p>\n",
        );
    }
    if has(Width::Vlenb) {
        page.push_str(
            "<p>A register of width <code>vlenb</code> has the size of the host's vector registers: the ids here are \
             those of 128-bit ones.</p>\n",
        );
    }
}

fn carriers(page: &mut String, arch: &Arch) {
    if arch.carriers.is_empty() {
        return;
    }
    page.push_str(
        "<h2 id=\"about:ioctls\">Other ioctls</h2>\n\
         <p>They carry what the two ioctls do not reach, each a whole struct.</p>\n",
    );
    let rows = arch.carriers.iter().map(|carrier| {
        vec![
            format!(
                "<code id=\"{}\">struct {}</code>",
                text(&carrier_anchor(carrier)),
                text(&carrier.structure)
            ),
            format!("{}{}", carrier.size, if carrier.block.is_some() { " or more" } else { "" }),
            text(&carrier.get.name),
            text(carrier.set.as_ref().map_or("", |set| &set.name)),
            text(&carrier.doc),
        ]
    });
    table(page, "plain", &["Struct", "Bytes", "Reads", "Writes", "Description"], rows);
}

fn restore_order(page: &mut String, arch: &Arch) {
    if arch.phases.is_empty() {
        return;
    }
    page.push_str("<h2 id=\"about:order\">Restore order</h2>\n");
    for (index, section) in phases(arch) {
        names(page, &phase_anchor(index), &section);
    }
}

fn state_classes(page: &mut String, arch: &Arch) {
    page.push_str("<h2 id=\"about:classes\">Classes</h2>\n");
    for (class, section) in classes(arch) {
        names(page, &class_anchor(class), &section);
    }
}

/// Appends links to the rows of a section under its heading.
fn names(page: &mut String, anchor: &str, section: &Section<'_>) {
    let _ = write!(
        page,
        "<h3 id=\"{}\">{} <small>{}</small></h3>\n<ul class=\"names\">",
        text(anchor),
        text(&section.title),
        section.size()
    );
    for row in &section.rows {
        let to = format!("#{}", row.name.member(0));
        let _ = write!(page, "<li>{}</li>", link(&to, &row.name.text));
    }
    page.push_str("</ul>\n");
}

/// Anchor of a carrier.
pub(super) fn carrier_anchor(carrier: &Carrier) -> String {
    format!("ioctl:{}", carrier.name)
}

/// Anchor of a class of state.
pub(super) fn class_anchor(class: Class) -> String {
    format!("class:{}", class.word())
}

/// Anchor of a phase, by its number: its name is any text.
pub(super) fn phase_anchor(phase: usize) -> String {
    format!("phase:{}", phase + 1)
}

fn errors(page: &mut String, arch: &Arch) {
    if arch.errors.is_empty() {
        return;
    }
    page.push_str("<h2 id=\"about:errors\">Errors of the two ioctls</h2>\n");
    let rows = arch.errors.iter().map(|errno| vec![code(&errno.name), text(&errno.meaning)]);
    table(page, "plain", &["Errno", "Meaning"], rows);
}
