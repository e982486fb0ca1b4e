//! Every register id of powerpc, from its uapi header alone: all of them are macros there.

use std::collections::BTreeMap;

use crate::conformance::Fact;
use crate::kernel::Kernel;

/// Rows that no kernel text proves, and facts that the table leaves out.
pub(crate) const EXCEPTIONS: &[(&str, &str)] = &[];

/// The header of the ids, as the source tree calls it.
const HEADER: &str = "arch/powerpc/include/uapi/asm/kvm.h";

/// What the macro of a register begins with.
const PREFIX: &str = "KVM_REG_PPC_";

/// Lists every register id of powerpc as Linux defines it.
pub(crate) fn facts(kernel: &Kernel) -> Result<Vec<Fact>, String> {
    let mut names = BTreeMap::new();
    let header = kernel.source(HEADER)?;
    let (families, single): (Vec<_>, Vec<_>) =
        header.lines().filter_map(macro_name).partition(|name| name.ends_with("(n)"));
    for family in families {
        members(family.trim_end_matches("(n)"), &single, &mut names)?;
    }
    // FPR0 and FPR31 are macros of their own, beside FPR(n): both give the same fact, or one too many.
    names.extend(single.iter().map(|name| (format!("{PREFIX}{name}"), name.to_string())));

    let expressions: Vec<String> = names.keys().cloned().collect();
    let ids = kernel.c_values("powerpc", "#include <linux/kvm.h>", &expressions)?;
    let mut found: Vec<(String, u64)> =
        names.into_values().zip(ids).filter(|(_, id)| is_register(*id)).collect();
    found.sort();
    found.dedup();
    let fact = |(name, id)| Fact { name: Some(name), id, source: "uapi/asm/kvm.h".to_string() };
    Ok(found.into_iter().map(fact).collect())
}

/// Reads the name that a line of the header defines, without [`PREFIX`]; of a family with its `(n)`.
fn macro_name(line: &str) -> Option<&str> {
    let defined = line.strip_prefix("#define")?.split_whitespace().next()?;
    defined.strip_prefix(PREFIX)
}

/// Adds the members of a family: the header has its first and last one as macros of their own.
fn members(
    family: &str,
    single: &[&str],
    names: &mut BTreeMap<String, String>,
) -> Result<(), String> {
    let index = |name: &&str| name.strip_prefix(family)?.parse::<u32>().ok();
    let last =
        single.iter().filter_map(index).max().ok_or_else(|| {
            format!("{HEADER}: no macro for the last member of {PREFIX}{family}(n)")
        })?;
    names.extend((0..=last).map(|n| (format!("{PREFIX}{family}({n})"), format!("{family}{n}"))));
    Ok(())
}

/// Tells a register's id from the header's shifts and masks, which have no architecture in bits 63 to 56, and from
/// KVM_REG_PPC_TM, what ids of checkpointed state begin with, which has no width in bits 55 to 52.
fn is_register(value: u64) -> bool {
    value >> 56 == 0x10 && value >> 52 & 0xf != 0
}
