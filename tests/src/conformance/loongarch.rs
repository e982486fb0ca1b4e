//! LoongArch: the uapi header, the CSR numbers of the private header, the number of CPUCFG words of KVM's.

use crate::conformance::Fact;
use crate::kernel::Kernel;

/// Rows without a fact and facts without a row, with the reason: none.
pub(crate) const EXCEPTIONS: &[(&str, &str)] = &[];

const UAPI: &str = "arch/loongarch/include/uapi/asm/kvm.h";
const CSRS: &str = "arch/loongarch/include/asm/loongarch.h";
const PRIVATE: &str = "arch/loongarch/include/asm/kvm_host.h";

/// Lists every register id of loongarch as Linux defines it.
pub(crate) fn facts(kernel: &Kernel) -> Result<Vec<Fact>, String> {
    let mut found = own_registers(&kernel.source(UAPI)?);
    found.extend(csrs(&kernel.source(CSRS)?));
    found.extend(cpucfgs(&kernel.source(PRIVATE)?)?);
    let mut expressions =
        ["KVM_REG_LOONGARCH", "KVM_REG_ARCH_MASK", "KVM_REG_SIZE_MASK"].map(str::to_owned).to_vec();
    expressions.extend(found.iter().map(|candidate| candidate.expression.clone()));
    let values = kernel.c_values("loongarch", "#include <linux/kvm.h>\n", &expressions)?;
    let [code, arch_mask, size_mask, values @ ..] = values.as_slice() else {
        return Err(format!("{UAPI}: expected KVM_REG_LOONGARCH and the masks of an id"));
    };
    // Macros without size bits are the bases of register sets and the mask over them.
    let is_register = |id: u64| id & arch_mask == *code && id & size_mask != 0;
    let registers = found.into_iter().zip(values).filter(|(_, id)| is_register(**id));
    Ok(registers
        .map(|(found, id)| Fact {
            name: Some(found.name),
            id: *id,
            source: found.source.to_owned(),
        })
        .collect())
}

/// A macro that may be a register's id, or an expression that is one.
struct Candidate {
    name: String,
    expression: String,
    source: &'static str,
}

impl Candidate {
    fn new(name: String, expression: String, source: &'static str) -> Self {
        Candidate { name, expression, source }
    }
}

/// Lists the macros of the uapi header that stand for one id each.
fn own_registers(uapi: &str) -> Vec<Candidate> {
    let macros = defines(uapi, "KVM_REG_LOONGARCH_");
    macros
        .map(|(name, _)| Candidate::new(name.to_owned(), format!("KVM_REG_LOONGARCH_{name}"), UAPI))
        .collect()
}

/// Lists the CSRs that the private header names.
fn csrs(header: &str) -> Vec<Candidate> {
    let macros = defines(header, "LOONGARCH_CSR_");
    macros
        .map(|(name, index)| {
            Candidate::new(format!("CSR_{name}"), format!("KVM_IOC_CSRID({index})"), CSRS)
        })
        .collect()
}

/// Lists the CPUCFG words that KVM keeps.
fn cpucfgs(header: &str) -> Result<Vec<Candidate>, String> {
    let count = defines(header, "KVM_MAX_CPUCFG_REGS")
        .next()
        .and_then(|(_, count)| count.parse::<u32>().ok());
    let count =
        count.ok_or_else(|| format!("{PRIVATE}: expected a number as KVM_MAX_CPUCFG_REGS"))?;
    let word = |index| {
        Candidate::new(format!("CPUCFG{index}"), format!("KVM_IOC_CPUCFG({index})"), PRIVATE)
    };
    Ok((0..count).map(word).collect())
}

/// Lists the macros of a header that begin with `prefix`: the rest of the name, the first word of the value.
fn defines<'a>(header: &'a str, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    header.lines().filter_map(move |line| {
        let mut words = line.strip_prefix("#define ")?.split_whitespace();
        Some((words.next()?.strip_prefix(prefix)?, words.next()?))
    })
}
