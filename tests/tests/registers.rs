//! The generated registers against the tables that they are generated from, and values against their fields.

use arbtest::arbtest;
use onereg::support::parse;
use onereg::{Digits, Host, Info, Row, TABLES, Table};
use onereg_codegen::model::{self, Arch, Register};
use onereg_tests::tables;

/// Architectures of the tables, each with its generated table.
fn archs() -> Vec<(Arch, &'static Table)> {
    let archs = tables::archs_in(&tables::root()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(archs.len(), TABLES.len());
    archs.into_iter().zip(TABLES.iter().copied()).collect()
}

/// Hosts that symbolic widths are tried on: of the generator, of the runtime.
fn hosts() -> impl Iterator<Item = (model::Host, Host)> {
    [(64, 16), (32, 16), (64, 8192)].into_iter().map(|(xlen, vlenb)| {
        let host = Host::new(xlen, vlenb as usize).expect("the host exists");
        (model::Host { xlen, vlenb }, host)
    })
}

fn members(arch: &Arch) -> impl Iterator<Item = (&Register, u32)> {
    let rows = arch.registers.iter();
    rows.flat_map(|register| (0..register.name.count()).map(move |index| (register, index)))
}

#[test]
fn every_row_is_generated_with_its_name_id_and_width() {
    for (arch, table) in archs() {
        assert_eq!(arch.name, table.name);
        assert_eq!(members(&arch).count(), table.names.len(), "{}", arch.name);
        for (register, index) in members(&arch) {
            let name = register.name.member(index);
            let info = table.by_name(&name).unwrap_or_else(|| panic!("{name} is not generated"));
            for (theirs, ours) in hosts() {
                assert_eq!(info.place.id(ours), arch.id(register, index, theirs), "{name}");
                let bits = register.width.bits(theirs) as usize;
                assert_eq!(info.place.size(ours) * 8, bits, "{name}");
            }
        }
    }
}

#[test]
fn every_id_leads_back_to_its_register() {
    let same =
        |found: Option<&Info>, info: &Info| found.is_some_and(|found| found.name == info.name);
    for table in TABLES {
        for info in table.registers {
            assert!(same(table.by_name(info.name), info), "{}", info.name);
            assert!(same(table.at(info.place), info), "{}", info.name);
            for id in hosts().filter_map(|(_, host)| info.place.id(host)) {
                assert!(same(table.by_id(id), info), "{} {id:#018x}", info.name);
            }
        }
    }
}

#[test]
fn every_value_is_put_together_again_from_its_fields() {
    let described = TABLES.iter().flat_map(|table| table.registers);
    for row in described.map(|info| info.row).filter(|row| !row.fields.is_empty()) {
        for value in values(row) {
            let mut fields = row.fields.iter();
            let joined = fields.try_fold(0, |bits, field| field.insert(bits, field.extract(value)));
            assert_eq!(joined, Some(value), "{}", row.name);
        }
    }
}

/// No bit, every bit, each bit alone, and every other bit.
fn values(row: &Row) -> Vec<u128> {
    let width: u32 = row.fields.iter().map(|field| field.width()).sum();
    let all = u128::MAX >> (128 - width);
    [0, all, all / 3, all - all / 3].into_iter().chain((0..width).map(|bit| 1 << bit)).collect()
}

#[test]
fn every_value_is_read_back_from_its_text() {
    arbtest(|u| {
        let bits = u.arbitrary::<[u8; 16]>()?;
        for info in TABLES.iter().flat_map(|table| table.registers) {
            let fields = info.row.fields;
            let Some(value) =
                bits.get(..info.place.size(Host::LP64)).filter(|_| !fields.is_empty())
            else {
                continue;
            };
            let number = Digits(value).number();
            let text = info.format(value).to_string();
            assert_eq!(parse(&text, info.name, fields).ok(), number, "{text}");

            let named = fields.iter().filter(|field| !field.kind.is_reserved());
            let mask = named.fold(0, |mask, field| mask | field.mask());
            let items: Vec<_> =
                info.fields(value).map(|value| format!("{}={value}", value.field.name)).collect();
            let list = items.join(", ");
            let read = parse(&list, info.name, fields).ok();
            // A list of nothing is no value.
            let listed = number.map(|number| number & mask).filter(|_| mask != 0);
            assert_eq!(read, listed, "{}: {list}", info.name);
        }
        Ok(())
    });
}
