//! Questions about ids, names and hosts, to this project's tables.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use onereg_codegen::model::{Arch, Host};
use onereg_codegen::{Sources, load, query};

/// Asks for an id, for a misspelt name, and for the registers of a host; what is found has to be what was asked for.
///
/// The input is an id of 8 bytes, the host's vector length as a power of two, its XLEN, and a name.
pub fn queries(input: &[u8]) {
    let Some((id, rest)) = input.split_first_chunk::<8>() else { return };
    let Some(([vlenb, xlen], name)) = rest.split_first_chunk::<2>() else { return };
    let id = u64::from_le_bytes(*id);
    let host = Host { xlen: if xlen & 1 == 0 { 64 } else { 32 }, vlenb: 1 << (vlenb % 14) };
    let decoded = query::decode(archs(), id);
    if let Some(located) = decoded.register {
        let layout = located.member.layout();
        layout.map(|layout| query::field_values(layout, u128::from(id)));
        assert_eq!(decoded.width, located.member.width(), "{id:#018x}");
    }
    let Some(arch) = archs().get(usize::from(*vlenb) % archs().len()) else { return };
    for member in query::members(arch, host).skip(usize::from(*xlen)).take(8) {
        query::facts(&member);
        let Some(id) = member.id() else { continue };
        let found = query::decode(archs(), id).register.map(|located| located.member.name());
        let is_alias = |found: &String| member.aliases().iter().any(|alias| alias.name() == *found);
        let is_it = found.is_some_and(|found| found == member.name() || is_alias(&found));
        assert!(is_it || member.alias_of().is_some(), "{id:#018x} is {}", member.name());
    }
    if let Ok(name) = std::str::from_utf8(name) {
        let known = arch.registers.iter().map(|row| row.name.text.as_str());
        query::nearest_name(name, known);
    }
}

/// This project's tables.
fn archs() -> &'static [Arch] {
    static ARCHS: OnceLock<Vec<Arch>> = OnceLock::new();
    ARCHS.get_or_init(|| {
        let registers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../registers");
        let folders = fs::read_dir(registers).into_iter().flatten().flatten();
        let tables = folders.map(|folder| folder.path().join("arch.yaml"));
        tables.filter(|table| table.is_file()).filter_map(|table| archs_at(&table)).collect()
    })
}

fn archs_at(table: &Path) -> Option<Arch> {
    let read = |path: &str| fs::read_to_string(path).map_err(|error| error.to_string());
    load(&Sources::gather(table.to_str()?, read)).ok()
}
