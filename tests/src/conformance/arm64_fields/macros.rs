//! Values of fields that the kernel's file of definitions leaves to macros.

use crate::kernel::Kernel;

/// A field, a kernel header, and what its values' macros begin with.
const FIELDS: &[(&str, &str, &str, &str)] = &[
    ("ESR_EL1", "EC", "arch/arm64/include/asm/esr.h", "ESR_ELx_EC_"),
    ("MAIR_EL1", "Attr0", "arch/arm64/include/asm/sysreg.h", "MAIR_ATTR_"),
    ("PIR_EL1", "Perm0", "arch/arm64/include/asm/sysreg.h", "PIE_"),
    ("POR_EL0", "Perm0", "arch/arm64/include/asm/sysreg.h", "POE_"),
];

/// The values of a field.
pub(super) struct Values {
    pub(super) register: &'static str,
    pub(super) field: &'static str,
    pub(super) values: Vec<(String, u64)>,
}

/// Reads the values of every field whose values are macros.
pub(super) fn values(kernel: &Kernel) -> Result<Vec<Values>, String> {
    let read = |&(register, field, header, prefix): &(_, _, _, _)| {
        let values = values_of(&kernel.source(header)?, prefix);
        Ok(Values { register, field, values })
    };
    FIELDS.iter().map(read).collect()
}

/// Lists the macros that begin with `prefix` and are a number, but for bounds.
fn values_of(header: &str, prefix: &str) -> Vec<(String, u64)> {
    let value = |line: &str| {
        let (name, rest) = line.strip_prefix("#define ")?.strip_prefix(prefix)?.split_once('\t')?;
        let number = rest.trim_start().strip_prefix("UL(0x")?.split_once(')')?.0;
        let number = u64::from_str_radix(number, 16).ok()?;
        (!matches!(name, "MASK" | "MAX")).then(|| (name.to_owned(), number))
    };
    header.lines().filter_map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_the_prefix_are_values() {
        let header = "#define EC_WFx\t\tUL(0x01)\n/* #define EC_NO UL(2) */\n#define EC_SHIFT\t(26)\n\
                      #define EC_MAX\tUL(0x3F)\n#define EC_PAC\tUL(0x09)\t/* EL2 */\n#define X\tUL(0x1)\n";
        let expected = [("WFx".to_owned(), 1), ("PAC".to_owned(), 9)];
        assert_eq!(values_of(header, "EC_"), expected);
    }
}
