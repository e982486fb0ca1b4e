//! The macros of a header, with their values.

use super::{Bitmap, Case, Group, Header, Role, words};
use crate::conformance::riscv::enum_constants;
use crate::kernel::Kernel;

/// Macros that the kernel's headers take from other ones.
const HELPERS: &str = "
#define __ASSEMBLER__ 1
#define _AC(value, suffix) (value##suffix)
#define _ULL(value) (_AC(value, ULL))
#define BIT(bit) (1ULL << (bit))
#define BIT_ULL BIT
#define GENMASK(high, low) ((~0ULL >> (63 - (high))) & (~0ULL << (low)))
#define GENMASK_ULL GENMASK
";

/// What assembly does without.
const CASTS: &str = "
#undef _ULCAST_
#define _ULCAST_ (unsigned long)
#undef _U64CAST_
#define _U64CAST_ (unsigned long)
#undef _CONST64_
#define _CONST64_
";

/// A macro of a group.
pub(super) struct Macro {
    pub(super) name: String,
    /// What it is of: its name between the group's prefix and the suffix of its role.
    pub(super) of: String,
    pub(super) role: Role,
    /// `None` where the configuration does not define it.
    pub(super) value: Option<u64>,
    pub(super) group: &'static Group,
}

impl Macro {
    /// Its name without the suffix of its role.
    pub(super) fn base(&self) -> String {
        format!("{}{}", self.group.prefix, self.of)
    }
}

/// Lists the macros of the header's groups.
pub(super) fn macros(
    kernel: &Kernel,
    case: &Case,
    header: &'static Header,
) -> Result<Vec<Macro>, String> {
    let text = kernel.source(header.path)?;
    let all = names(&text);
    if let Some(name) = words(case.left_out).find(|name| !all.contains(name)) {
        return Err(format!("{}: {name} is left out, and no macro", header.path));
    }
    let compared = all.iter().copied().filter(|name| !words(case.left_out).any(|it| it == *name));
    let compared: Vec<_> =
        compared.filter_map(|name| Some((name, group_of(name, header)?))).collect();
    let names: Vec<&str> = compared.iter().map(|(name, _)| *name).collect();
    let values =
        values(kernel, case, &text, &names).map_err(|error| format!("{}: {error}", header.path))?;
    let found = compared.into_iter().zip(values).map(|((name, group), value)| {
        let rest = &name[group.prefix.len()..];
        let (of, role) = of_role(rest, group, header, &all);
        Macro { name: name.to_owned(), of: of.to_owned(), role, value, group }
    });
    Ok(found.collect())
}

/// Lists the constants of an enum as flags of the registers that they number the bits of.
pub(super) fn constants(
    kernel: &Kernel,
    case: &Case,
    bitmap: &'static Bitmap,
) -> Result<Vec<Macro>, String> {
    let names = enum_constants(&kernel.source(bitmap.path)?, bitmap.name)?;
    let numbers = kernel.c_values(case.arch, "#include <linux/kvm.h>\n", &names)?;
    let flag = |(name, number): (String, u64)| {
        let xlen = u64::from(case.xlen);
        let word = usize::try_from(number / xlen).ok().and_then(|word| bitmap.words.get(word));
        let group = word.ok_or_else(|| format!("{name} is {number}: no register has it"))?;
        let of = name.strip_prefix(group.prefix).unwrap_or(&name).to_owned();
        Ok(Macro { name, of, role: Role::Flag, value: Some(number % xlen), group })
    };
    names.into_iter().zip(numbers).map(flag).collect()
}

/// Lists the names of all macros without arguments, each once.
fn names(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for line in text.lines() {
        let mut words = line.strip_prefix("#define").unwrap_or_default().split_whitespace();
        if let (Some(name), Some(_)) = (words.next(), words.next())
            && !name.contains('(')
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

/// Finds the group with the longest prefix.
fn group_of(name: &str, header: &'static Header) -> Option<&'static Group> {
    let groups = header.groups.iter().filter(|group| name.starts_with(group.prefix));
    groups.max_by_key(|group| group.prefix.len())
}

/// Splits what follows the group's prefix at a suffix, which is one where another macro has the name without it or with
/// another one.
fn of_role<'n>(rest: &'n str, group: &Group, header: &Header, all: &[&str]) -> (&'n str, Role) {
    let has = |of: &str, end: &str| {
        all.iter().any(|name| {
            let name = name.strip_prefix(group.prefix).and_then(|name| name.strip_prefix(of));
            name == Some(end)
        })
    };
    let split = header.suffixes.iter().filter_map(|(suffix, role)| {
        let of = rest.strip_suffix(suffix)?;
        let others = header.suffixes.iter().map(|(other, _)| *other).chain([""]);
        let is_suffix = others.filter(|other| other != suffix).any(|other| has(of, other));
        is_suffix.then_some((of, *role))
    });
    split.min_by_key(|(of, _)| of.len()).unwrap_or((rest, group.role))
}

/// Lets the compiler compute the macros; `None` for those that the configuration does not define.
fn values(
    kernel: &Kernel,
    case: &Case,
    text: &str,
    names: &[&str],
) -> Result<Vec<Option<u64>>, String> {
    let without_includes = text.lines().filter(|line| !line.starts_with("#include"));
    let mut prelude = format!("{HELPERS}{}\n", case.config);
    prelude.extend(without_includes.flat_map(|line| [line, "\n"]));
    prelude.push_str(CASTS);
    for name in names {
        prelude += &format!(
            "#ifdef {name}\n#define HAS_{name} 1\n#else\n#define HAS_{name} 0\n#define {name} 0\n#endif\n"
        );
    }
    let expressions: Vec<String> =
        names.iter().flat_map(|name| [format!("HAS_{name}"), (*name).to_owned()]).collect();
    let values = kernel.c_values(case.arch, &prelude, &expressions)?;
    if values.len() != expressions.len() {
        return Err(format!("{} values of {} expressions", values.len(), expressions.len()));
    }
    Ok(values.chunks(2).map(|pair| (pair[0] == 1).then_some(pair[1])).collect())
}
