//! The file that the kernel generates its definitions of system registers from.

use std::collections::BTreeMap;
use std::mem;

use super::SYSREG;

/// A run of bits of a register.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Definition {
    /// The field's name, or the kind of reserved bits: `RES0`.
    pub(super) name: String,
    /// Most significant bit.
    pub(super) msb: u32,
    /// Least significant bit.
    pub(super) lsb: u32,
    /// Named values.
    pub(super) values: Vec<(String, u64)>,
}

/// What stands between `Sysreg` or `SysregFields` and its end.
#[derive(Debug, Default)]
struct Block {
    name: String,
    fields: Vec<Definition>,
    /// The block whose fields hold here too.
    same_as: Option<String>,
    /// Whether the lines describe the register under a condition, before they do without.
    conditional: bool,
}

impl Block {
    fn named(name: &str) -> Block {
        Block { name: name.to_owned(), ..Block::default() }
    }

    fn push(&mut self, name: &str, bits: &str) -> Option<()> {
        let (msb, lsb) = bits.split_once(':').unwrap_or((bits, bits));
        let (msb, lsb) = (msb.parse().ok()?, lsb.parse().ok()?);
        let definition = Definition { name: name.to_owned(), msb, lsb, values: Vec::new() };
        self.fields.extend((!self.conditional).then_some(definition));
        Some(())
    }

    fn push_value(&mut self, value: &str, name: &str) -> Option<()> {
        let value = match value.strip_prefix("0b") {
            Some(digits) => u64::from_str_radix(digits, 2).ok()?,
            None => value.parse().ok()?,
        };
        if !self.conditional {
            self.fields.last_mut()?.values.push((name.to_owned(), value));
        }
        Some(())
    }
}

/// Reads the bits of every register that the file describes, by its name.
pub(super) fn definitions(text: &str) -> Result<BTreeMap<String, Vec<Definition>>, String> {
    let mut blocks = BTreeMap::new();
    let mut block = Block::default();
    for (index, line) in text.lines().enumerate() {
        let code = line.split('#').next().unwrap_or_default();
        let words: Vec<&str> = code.split_whitespace().collect();
        let read = match words[..] {
            [] | ["EndEnum"] => Some(()),
            ["Sysreg", name, _, _, _, _, _] | ["SysregFields", name] => {
                block = Block::named(name);
                Some(())
            }
            ["EndSysreg" | "EndSysregFields"] => {
                let whole = mem::take(&mut block);
                blocks.insert(whole.name.clone(), whole);
                Some(())
            }
            ["Fields" | "Mapping", other] => {
                block.same_as = Some(other.to_owned());
                Some(())
            }
            ["Prefix", ..] | ["EndPrefix"] => {
                block.conditional = words[0] == "Prefix";
                Some(())
            }
            [kind @ ("Res0" | "Res1" | "Raz" | "Unkn"), bits] => {
                block.push(&kind.to_uppercase(), bits)
            }
            ["Field" | "SignedField" | "Enum" | "SignedEnum" | "UnsignedEnum", bits, name] => {
                block.push(name, bits)
            }
            [value, name] => block.push_value(value, name),
            _ => None,
        };
        read.ok_or_else(|| format!("{SYSREG}:{}: cannot be read: `{line}`", index + 1))?;
    }
    let fields = |name: &String| Some((name.clone(), fields_of(name, &blocks)?));
    Ok(blocks.keys().filter_map(fields).collect())
}

/// Returns the fields of a block, or of the one that it refers to; `None` where there is no such block.
fn fields_of(name: &str, blocks: &BTreeMap<String, Block>) -> Option<Vec<Definition>> {
    let mut block = blocks.get(name)?;
    // An alias of a register whose fields are shared is the longest way.
    for _ in 0..2 {
        if let Some(other) = &block.same_as {
            block = blocks.get(other)?;
        }
    }
    Some(block.fields.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(name: &str, msb: u32, lsb: u32) -> Definition {
        Definition { name: name.to_owned(), msb, lsb, values: Vec::new() }
    }

    #[test]
    fn every_form_is_read() {
        let text = "# A comment\nSysregFields S_ELx\nRes0\t63:1\nField\t0\tB\nEndSysregFields\n\
                    Sysreg\tS_EL1\t3\t0\t1\t2\t0\nFields\tS_ELx\nEndSysreg\n\
                    Sysreg\tS_EL12\t3\t5\t1\t2\t0\nMapping\tS_EL1\nEndSysreg\n\
                    Sysreg\tE_EL1\t3\t0\t1\t2\t1\nPrefix\tFEAT\nField\t63:0\tOther\nEndPrefix\n\
                    Res1\t63:4\nSignedEnum\t3:0\tE\n\t0b0000\tIMP\n\t0b1111\tNI\nEndEnum\nEndSysreg\n";
        let found = definitions(text).unwrap();
        let shared = vec![definition("RES0", 63, 1), definition("B", 0, 0)];
        assert_eq!((&found["S_EL1"], &found["S_EL12"]), (&shared, &shared));
        let values = vec![("IMP".to_owned(), 0), ("NI".to_owned(), 15)];
        let named = Definition { values, ..definition("E", 3, 0) };
        assert_eq!(found["E_EL1"], [definition("RES1", 63, 4), named]);
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        for line in ["Field 1:x A", "Field 0", "Enum", "value 1 2", "0b2 A"] {
            let error = definitions(&format!("Sysreg A 3 0 0 0 0\n{line}\n")).unwrap_err();
            assert_eq!(error, format!("{SYSREG}:2: cannot be read: `{line}`"));
        }
    }
}
