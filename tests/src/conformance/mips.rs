//! MIPS: the uapi header, KVM's private header for the numbers of coprocessor 0, and the code for the families' ranges.

use crate::conformance::Fact;
use crate::kernel::Kernel;

/// Rows without a fact and facts without a row, with the reason: none.
pub(crate) const EXCEPTIONS: &[(&str, &str)] = &[];

const UAPI: &str = "arch/mips/include/uapi/asm/kvm.h";
const PRIVATE: &str = "arch/mips/include/asm/kvm_host.h";
const CODE: [&str; 2] = ["arch/mips/kvm/mips.c", "arch/mips/kvm/vz.c"];
const PREFIX: &str = "KVM_REG_MIPS_";

/// Lists every register id of mips as Linux defines it.
pub(crate) fn facts(kernel: &Kernel) -> Result<Vec<Fact>, String> {
    let private = kernel.source(PRIVATE)?;
    let mut found = candidates(kernel, &kernel.source(UAPI)?, UAPI)?;
    found.extend(candidates(kernel, &private, PRIVATE)?);
    let mut expressions =
        ["KVM_REG_MIPS", "KVM_REG_ARCH_MASK", "KVM_REG_SIZE_MASK"].map(str::to_owned).to_vec();
    expressions.extend(found.iter().map(|candidate| candidate.expression.clone()));
    let values = kernel.c_values("mips", &prelude(&private), &expressions)?;
    let [code, arch_mask, size_mask, values @ ..] = values.as_slice() else {
        return Err(format!("{UAPI}: expected KVM_REG_MIPS and the masks of an id"));
    };
    // Macros without size bits are the bases of register sets, those without the architecture are flags.
    let is_register = |id: u64| id & arch_mask == *code && id & size_mask != 0;
    let registers = found.into_iter().zip(values).filter(|(_, id)| is_register(**id));
    Ok(registers
        .map(|(found, id)| Fact { name: Some(found.name), id: *id, source: found.source })
        .collect())
}

/// A macro that may be a register's id.
struct Candidate {
    name: String,
    expression: String,
    source: String,
}

/// Lists the macros of a header whose names are a register's, families expanded.
fn candidates(kernel: &Kernel, header: &str, source: &str) -> Result<Vec<Candidate>, String> {
    let mut all = Vec::new();
    for define in defines(header) {
        let Some(rest) = define.strip_prefix(PREFIX) else { continue };
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (name, parameters) = rest.split_at(end);
        if parameters.starts_with('(') {
            all.extend(family(kernel, name, source)?);
        } else {
            let expression = format!("{PREFIX}{name}");
            all.push(Candidate { name: name.to_owned(), expression, source: source.to_owned() });
        }
    }
    Ok(all)
}

/// Lists the members of the family that the macro `name(n)` stands for, as far as the code's `case` range goes.
fn family(kernel: &Kernel, name: &str, source: &str) -> Result<Vec<Candidate>, String> {
    for path in CODE {
        let Some(last) = last_member(&kernel.source(path)?, name) else { continue };
        let separator = if name.ends_with(|c: char| c.is_ascii_digit()) { "_" } else { "" };
        let member = |index| Candidate {
            name: format!("{name}{separator}{index}"),
            expression: format!("{PREFIX}{name}({index})"),
            source: format!("{source}, range from {path}"),
        };
        return Ok((0..=last).map(member).collect());
    }
    Err(format!("{}: expected a case from {PREFIX}{name}(0) to its last member", CODE.join(", ")))
}

/// Finds the last member in `case KVM_REG_MIPS_NAME(0) ... KVM_REG_MIPS_NAME(LAST):`.
fn last_member(code: &str, name: &str) -> Option<u32> {
    let start = format!("case {PREFIX}{name}(0) ... {PREFIX}{name}(");
    let (_, rest) = code.split_once(&start)?;
    let (last, _) = rest.split_once("):")?;
    match last.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => last.parse().ok(),
    }
}

/// Builds the C text that makes the private header's register macros known.
fn prelude(private: &str) -> String {
    let mut text = "#include <linux/kvm.h>\n".to_owned();
    for define in defines(private) {
        if define.starts_with("MIPS_CP0_32(")
            || define.starts_with("MIPS_CP0_64(")
            || define.starts_with(PREFIX)
        {
            text += &format!("#define {define}\n");
        }
    }
    text
}

/// Lists what follows `#define` in a header, continued lines joined.
fn defines(header: &str) -> Vec<String> {
    let joined = header.replace("\\\n", " ");
    joined
        .lines()
        .filter_map(|line| line.strip_prefix("#define "))
        .map(|rest| rest.trim().to_owned())
        .collect()
}
