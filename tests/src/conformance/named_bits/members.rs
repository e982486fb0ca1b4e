//! The bit-fields of a struct.

use super::{Bits, Candidate};

/// Finds the definition of a struct, from its keyword to the semicolon at its end.
pub(super) fn definition<'a>(source: &'a str, name: &str) -> Option<&'a str> {
    let start = source.find(&format!("{name} {{"))?;
    let length = source[start..].find("\n}")?;
    let end = source[start + length..].find(';')?;
    source.get(start..=start + length + end)
}

/// Lists the bit-fields of a struct; those without a name of their own are reserved.
pub(super) fn candidates<'a>(
    definition: &str,
    of: &'a Bits,
) -> impl Iterator<Item = Candidate<'a>> {
    let tag = of.prefix.rsplit(' ').next().unwrap_or_default();
    let members = definition
        .split(';')
        .filter_map(|declaration| declaration.split_once(':')?.0.split_whitespace().next_back());
    members.map(move |member| {
        let is_unnamed = ["reserved", "preserved"].iter().any(|word| member.starts_with(word));
        let name = if is_unnamed { "RESERVED" } else { member };
        let expression = format!(
            "({{ union {{ {} all; unsigned long long bits; }} value = {{ .bits = 0 }}; value.all.{member} = -1; value.bits; }})",
            of.prefix
        );
        Candidate { name: format!("{tag}.{name}"), of, expression }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "struct other {\n\tu64 a : 64;\n};\nunion page {\n\tu64 whole;\n\tstruct {\n\t\tu64 enable : 1;\n\t\t\
        u64 reserved : 11;\n\t\tu64 pfn : 52;\n\t} __packed;\n};\nint after;\n";

    #[test]
    fn a_struct_is_read_as_its_bit_fields() {
        let of = Bits::new("union page", "A");
        let definition = definition(SOURCE, of.prefix).expect("the union is there");
        assert!(
            definition.starts_with("union page {") && definition.ends_with("};"),
            "{definition}"
        );
        let names: Vec<String> = candidates(definition, &of).map(|found| found.name).collect();
        assert_eq!(names, ["page.enable", "page.RESERVED", "page.pfn"]);
        assert!(super::definition(SOURCE, "union pag").is_none());
    }
}
