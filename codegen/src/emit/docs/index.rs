//! The index: every architecture, and how an id is made.

use super::markdown::{code, table, text};
use super::support;
use crate::model::{Arch, Host};
use crate::query::members;

pub(super) fn page(archs: &[Arch]) -> String {
    let mut page = String::from(
        "# KVM registers\n\n\
         Every register that KVM_GET_ONE_REG and KVM_SET_ONE_REG reach, and what other ioctls carry where those two \
         do not.\n\n\
         - [The ioctls](ioctls.md)\n\
         - [Every name](names.md)\n\n",
    );
    let header = [
        "Architecture",
        "",
        "Code",
        "Registers",
        "KVM_GET_ONE_REG",
        "KVM_GET_REG_LIST",
        "Checked against",
        "Ids proven by",
    ];
    table(&mut page, &header, archs.iter().map(row));
    page.push_str(
        "Registers are counted with every family expanded and without second names of one id. Those of the \
         architecture's other ioctls stand behind the `+`.\n\n\
         ## Ids\n\n",
    );
    table(
        &mut page,
        &["Bits", "Meaning"],
        ID_BITS.map(|(bits, meaning)| vec![bits.to_owned(), meaning.to_owned()]),
    );
    page.push_str(
        "`onereg decode ID [VALUE]` takes an id and a value apart, `onereg encode ARCH NAME` makes an id, \
         `onereg show NAME` prints what the tables say of a register.\n",
    );
    page
}

const ID_BITS: [(&str, &str); 3] = [
    ("63..56", "architecture: the code above"),
    ("55..52", "binary logarithm of the size in bytes: 2 for 32 bits, 3 for 64, 4 for 128"),
    ("51..0", "the architecture's own: the base of a group, and the register's number in it"),
];

/// Counts the registers with an id, and those of other ioctls: families expanded, without second names of one id.
pub(in crate::emit) fn counts(arch: &Arch) -> (usize, usize) {
    let own = members(arch, Host::default()).filter(|member| member.row.alias_of.is_none());
    let (carried, ids): (Vec<_>, Vec<_>) = own.partition(|member| member.row.via.is_some());
    (ids.len(), carried.len())
}

fn row(arch: &Arch) -> Vec<String> {
    let count = match counts(arch) {
        (ids, 0) => ids.to_string(),
        (ids, carried) => format!("{ids} + {carried}"),
    };
    vec![
        format!("[{0}]({0}/README.md)", arch.name),
        text(&arch.doc),
        arch.code.map(|number| code(&format!("{number:#04x}"))).unwrap_or_default(),
        count,
        support(&arch.one_reg),
        support(&arch.reg_list),
        if arch.kernel.is_empty() { String::new() } else { format!("Linux {}", arch.kernel) },
        text(&arch.verified),
    ]
}
