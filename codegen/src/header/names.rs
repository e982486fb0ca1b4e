//! How names in kernel headers are made: of registers, of what ids have in common, and of macros that make ids.

use super::diff::MEMBERS;
use crate::model::{Arch, CODE_SHIFT, Group, MAX_WIDTH, size_bits};
use crate::query::all_members;

/// Bits 63..56 of an id.
pub(super) const CODE_MASK: u64 = 0xff << CODE_SHIFT;

/// What macros of KVM's registers begin with.
pub(super) const KVM: &str = "KVM_REG_";
/// What macros of arm64's system registers begin with.
pub(super) const SYSREG: &str = "SYS_";

/// Registers whose headers give numbers in a group, not ids: what their macros begin with, the architecture, how much
/// of the name the tables leave out, the group.
const NUMBERED: &[(&str, &str, &str, &str)] = &[
    ("MSR_", "x86", "MSR_", "msr"),
    ("HV_X64_MSR_", "x86", "", "msr"),
    ("LOONGARCH_CSR_", "loongarch", "LOONGARCH_", "csr"),
    ("KVM_RISCV_ISA_EXT_", "riscv", "KVM_RISCV_", "isa_ext"),
    ("KVM_RISCV_SBI_EXT_", "riscv", "KVM_RISCV_", "sbi_ext"),
];

/// Macros that make an id of a group's number, or of its parts: the name, the architecture, the group, the width.
const HELPERS: &[(&str, &str, &str, u32)] = &[
    ("ARM64_SYS_REG", "arm64", "sysreg", 64),
    ("sys_reg", "arm64", "sysreg", 64),
    ("KVM_REG_ARM_FW_REG", "arm64", "fw", 64),
    ("KVM_REG_ARM_FW_FEAT_BMAP_REG", "arm64", "fw_feat_bmap", 64),
    ("MIPS_CP0_32", "mips", "cp0", 32),
    ("MIPS_CP0_64", "mips", "cp0", 64),
    ("KVM_IOC_CSRID", "loongarch", "csr", 64),
    ("KVM_IOC_CPUCFG", "loongarch", "cpucfg", 64),
    ("KVM_X86_REG_MSR", "x86", "msr", 64),
    ("KVM_X86_REG_KVM", "x86", "kvm", 64),
];

/// Macros that make bits.
const MASKS: [&str; 4] = ["BIT", "BIT_ULL", "GENMASK", "GENMASK_ULL"];

/// A register by the name of its macro.
pub(super) struct Named<'a> {
    pub(super) arch: &'a Arch,
    /// Its name in the tables.
    pub(super) name: String,
    /// The group that the macro's value is a number in; `None` where it is an id.
    pub(super) group: Option<&'a Group>,
}

/// Whether a macro makes ids of numbers, whatever its text says.
pub(super) fn is_helper(name: &str) -> bool {
    HELPERS.iter().any(|(helper, ..)| *helper == name)
}

/// Whether [`call`] may know a macro.
pub(super) fn is_function(name: &str) -> bool {
    is_helper(name) || MASKS.contains(&name)
}

/// Finds the register that a macro names in the file at `path`.
pub(super) fn register<'a>(archs: &'a [Arch], name: &str, path: &str) -> Option<Named<'a>> {
    let own = archs.iter().find_map(|arch| {
        let name = stems(arch).find_map(|stem| name.strip_prefix(&format!("{KVM}{stem}_")))?;
        Some(Named { arch, name: name.to_owned(), group: None })
    });
    let encoded = || {
        let arch = arch(archs, "arm64")?;
        Some(Named { arch, name: name.strip_prefix(SYSREG)?.to_owned(), group: None })
    };
    let numbered = || {
        let named = NUMBERED.iter().filter(|(prefix, ..)| name.starts_with(prefix));
        named
            .into_iter()
            .find_map(|(_, arch, cut, group)| numbered_in(archs, name, arch, cut, group))
    };
    // The one header that has no architecture in the names of its registers.
    let unnamed = || {
        let is_x86 = path.contains("arch/x86/");
        is_x86.then(|| numbered_in(archs, name, "x86", KVM, "kvm")).flatten()
    };
    let member = || {
        let is_member = path.ends_with(MEMBERS) && !name.contains(|c: char| c.is_ascii_uppercase());
        let arch = arch(archs, "riscv").filter(|_| is_member)?;
        Some(Named { arch, name: name.to_owned(), group: None })
    };
    own.or_else(encoded).or_else(numbered).or_else(unnamed).or_else(member)
}

fn numbered_in<'a>(
    archs: &'a [Arch],
    name: &str,
    arch: &str,
    cut: &str,
    group: &str,
) -> Option<Named<'a>> {
    let arch = self::arch(archs, arch)?;
    Some(Named {
        arch,
        name: name.strip_prefix(cut)?.to_owned(),
        group: Some(self::group(arch, group)?),
    })
}

/// The value of a macro that no diff has to define: a size, an architecture, a group, a register of the tables.
pub(super) fn value(archs: &[Arch], name: &str) -> Option<u64> {
    size(name).or_else(|| shared(archs, name)).or_else(|| known(archs, name))
}

/// The size bits that `KVM_REG_SIZE_U64` stands for.
fn size(name: &str) -> Option<u64> {
    let bits: u32 = name.strip_prefix("KVM_REG_SIZE_U")?.parse().ok()?;
    (bits.is_power_of_two() && (8..=MAX_WIDTH).contains(&bits)).then(|| size_bits(bits))
}

/// The bits that all ids of an architecture or of a group share: `KVM_REG_ARM64`, `KVM_REG_ARM_CORE`.
fn shared(archs: &[Arch], name: &str) -> Option<u64> {
    let name = name.strip_prefix(KVM)?;
    archs.iter().find_map(|arch| {
        if name == stem(arch) {
            return Some(code(arch));
        }
        let group = stems(arch).find_map(|stem| name.strip_prefix(&stem)?.strip_prefix('_'))?;
        let group = arch.groups.iter().find(|it| it.name.eq_ignore_ascii_case(group))?;
        Some(code(arch) | group.base)
    })
}

/// The value of a register's macro: its id, or its number where headers give that.
fn known(archs: &[Arch], name: &str) -> Option<u64> {
    let named = register(archs, name, "")?;
    let member = all_members(named.arch).find(|member| member.name() == named.name)?;
    match named.group {
        None => member.id(),
        Some(group) if member.group().name != group.name => None,
        Some(group) => match group.parts.as_slice() {
            [part] => Some(part.of(member.number())),
            _ => Some(member.number()),
        },
    }
}

/// The value of a call of a macro that no diff has to define.
pub(super) fn call(archs: &[Arch], name: &str, arguments: &[u64]) -> Option<Result<u64, String>> {
    if MASKS.contains(&name) {
        let (first, last) = (arguments.first()?, arguments.last()?);
        return Some(Ok(mask(*first, *last)));
    }
    let (_, arch, group, width) = HELPERS.iter().find(|(helper, ..)| *helper == name)?;
    let arch = self::arch(archs, arch)?;
    Some(id(arch, self::group(arch, group)?, *width, arguments))
}

/// The bits from `high` down to `low`.
fn mask(high: u64, low: u64) -> u64 {
    (0..64).filter(|bit| (low..=high).contains(bit)).map(|bit| 1 << bit).sum()
}

/// Makes an id of a number, or of its parts.
pub(super) fn id(arch: &Arch, group: &Group, width: u32, values: &[u64]) -> Result<u64, String> {
    let number = match values {
        [number] if group.parts.len() != 1 => *number,
        values if values.len() == group.parts.len() => {
            let parts = group.parts.iter().zip(values);
            parts.fold(0, |number, (part, value)| number | value << part.lsb)
        }
        values => {
            let (has, takes) = (values.len(), group.parts.len().max(1));
            return Err(format!("a number of group `{}` has {takes} parts, not {has}", group.name));
        }
    };
    let back: Vec<_> = group.parts.iter().map(|part| part.of(number)).collect();
    let is_whole = values.len() != back.len() || back == values;
    if number & !group.mask != 0 || !is_whole {
        return Err(format!("{number:#x} does not fit the numbers of group `{}`", group.name));
    }
    Ok(code(arch) | size_bits(width) | group.base | number)
}

/// Bits 63..56 of an architecture's ids.
pub(super) fn code(arch: &Arch) -> u64 {
    u64::from(arch.code.unwrap_or(0)) << CODE_SHIFT
}

fn arch<'a>(archs: &'a [Arch], name: &str) -> Option<&'a Arch> {
    archs.iter().find(|arch| arch.name == name)
}

fn group<'a>(arch: &'a Arch, name: &str) -> Option<&'a Group> {
    arch.groups.iter().find(|group| group.name == name)
}

/// What an architecture is called in macros: `ARM64`.
fn stem(arch: &Arch) -> String {
    arch.macros.clone().unwrap_or_else(|| arch.name.to_ascii_uppercase())
}

/// What it is called in the macros of registers and groups: also `ARM`.
fn stems(arch: &Arch) -> impl Iterator<Item = String> {
    let stem = stem(arch);
    let short = stem.strip_suffix("64").map(str::to_owned);
    [stem].into_iter().chain(short)
}
