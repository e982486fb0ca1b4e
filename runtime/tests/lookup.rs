//! Registers looked up at run time, in every table.

use onereg::{Host, Place, TABLES, Table};

fn each(test: impl Fn(&'static Table)) {
    assert_eq!(TABLES.len(), 7);
    TABLES.iter().for_each(|table| test(table));
}

#[test]
fn tables_are_sorted_for_search() {
    each(|table| {
        assert!(table.registers.is_sorted(), "{}", table.name);
        assert!(table.names.is_sorted(), "{}", table.name);
    });
}

#[test]
fn every_name_finds_its_register() {
    each(|table| {
        for info in table.registers {
            assert_eq!(table.by_name(info.name), Some(info), "{} {}", table.name, info.name);
        }
        assert_eq!(table.by_name("NO_SUCH_REGISTER"), None);
    });
}

#[test]
fn every_place_finds_its_register() {
    each(|table| {
        for info in table.registers {
            assert_eq!(table.at(info.place), Some(info), "{} {}", table.name, info.name);
        }
    });
}

#[test]
fn every_id_finds_its_register_on_every_host() {
    for (xlen, vlenb) in [(32, 0), (64, 16), (64, 8192)] {
        let host = Host::new(xlen, vlenb).unwrap();
        each(|table| {
            for info in table.registers {
                // Without vector registers there is no id to look up.
                if vlenb == 0 && matches!(info.place, Place::Vlenb(_)) {
                    continue;
                }
                if let Some(id) = info.place.id(host) {
                    assert_eq!(table.by_id(id), Some(info), "{} {} {id:#x}", table.name, info.name);
                }
            }
        });
    }
}

#[test]
fn a_slice_finds_its_register() {
    let z5 = onereg::arm64::by_name("Z5").unwrap();
    let Place::OneReg(id) = z5.place else { panic!("{:?}", z5.place) };
    assert_eq!(onereg::arm64::by_id(id + 31), Some(z5));
    assert_eq!(onereg::arm64::by_id(id + 32).map(|info| info.name), Some("Z6"));
}

#[test]
fn another_size_is_another_register() {
    let lpcr = onereg::powerpc::LPCR.id().unwrap();
    let lpcr64 = onereg::powerpc::LPCR_64.id().unwrap();
    assert_eq!(lpcr & !(0xf << 52), lpcr64 & !(0xf << 52));
    assert_eq!(onereg::powerpc::by_id(lpcr).map(|info| info.name), Some("LPCR"));
    assert_eq!(onereg::powerpc::by_id(lpcr64).map(|info| info.name), Some("LPCR_64"));
}

#[test]
fn an_alias_finds_the_register_it_names() {
    let count = onereg::arm64::by_name("TIMER_CNT").unwrap();
    assert_eq!(count.name, "CNTVCT_EL0");
    assert_eq!(onereg::arm64::TIMER_CNT, onereg::arm64::CNTVCT_EL0);
}

#[test]
fn the_timer_ids_are_swapped_as_the_kernel_has_them() {
    // Errata of the kernel: each id carries the other register's encoding.
    assert_eq!(onereg::arm64::CNTVCT_EL0.id(), Some(0x6030_0000_0013_df1a));
    assert_eq!(onereg::arm64::CNTV_CVAL_EL0.id(), Some(0x6030_0000_0013_df02));
}
