//! Values of a register with a field of every kind: getters, builders, text.

use std::collections::HashSet;
use std::panic;
use std::str::FromStr;

use onereg::{FieldKind, Host, Layout, Memory, Registers, arm64, riscv};

/// The table that the generator's own tests parse.
mod every {
    onereg::registers!("../codegen/tests/emitted");
}

use every::{Kinds, KindsMode, Shared};

const ALL_ONES: Kinds = Kinds::new(u64::MAX);
const NOTHING: Kinds = Kinds::new(0);

#[test]
fn getters_read_their_bits() {
    let bits = 1 << 56 | 0b100_001 << 50 | 0b11 << 48 | 0xa << 44 | 0x1_2345_6789 << 8 | 0x5c;
    let kinds = Kinds::new(bits);
    assert!(kinds.if_());
    assert_eq!(kinds.signed(), -31);
    assert_eq!(kinds.mode(), KindsMode::FAST);
    assert_eq!(kinds.split(), 0xa5c);
    assert_eq!(kinds.wide(), 0x1_2345_6789);
    assert_eq!(kinds.bits(), bits);
}

#[test]
fn builders_change_their_bits_alone() {
    for (built, bits) in [
        (NOTHING.with_if(true), 1 << 56),
        (NOTHING.with_signed(-1), 0x3f << 50),
        (NOTHING.with_signed(-32), 0x20 << 50),
        (NOTHING.with_signed(31), 0x1f << 50),
        (NOTHING.with_mode(KindsMode::SLOW), 1 << 48),
        (NOTHING.with_split(0xfff), 0xf << 44 | 0xff),
        (NOTHING.with_wide(0xf_ffff_ffff), 0xf_ffff_ffff << 8),
    ] {
        assert_eq!(built.bits(), bits, "{built}");
    }
    for (built, bits) in [
        (ALL_ONES.with_if(false), 1 << 56),
        (ALL_ONES.with_signed(0), 0x3f << 50),
        (ALL_ONES.with_mode(KindsMode::OFF), 0x3 << 48),
        (ALL_ONES.with_split(0), 0xf << 44 | 0xff),
        (ALL_ONES.with_wide(0), 0xf_ffff_ffff << 8),
    ] {
        assert_eq!(built.bits(), !bits, "{built}");
    }
}

#[test]
fn builders_refuse_what_does_not_fit() {
    let refused = [
        panic::catch_unwind(|| NOTHING.with_signed(32)),
        panic::catch_unwind(|| NOTHING.with_signed(-33)),
        panic::catch_unwind(|| NOTHING.with_mode(KindsMode::new(4))),
        panic::catch_unwind(|| NOTHING.with_split(0x1000)),
        panic::catch_unwind(|| NOTHING.with_wide(1 << 36)),
    ];
    assert!(refused.iter().all(Result::is_err), "{refused:?}");
}

#[test]
fn builders_work_in_constants() {
    const VALUE: Kinds = Kinds::new(0).with_mode(KindsMode::FAST).with_signed(-1);
    assert_eq!(VALUE.bits(), 3 << 48 | 0x3f << 50);
}

#[test]
fn text_shows_fields_and_bits() {
    let kinds = NOTHING.with_signed(-2).with_mode(KindsMode::FAST).with_split(0xabc);
    let text = "KINDS { WIDE: 0x0, SPLIT: 0xabc, MODE: FAST, SIGNED: -2, IF: 0 } 0xfba000000000bc";
    assert_eq!(kinds.to_string(), text);
    assert_eq!(format!("{kinds:?}"), text);
    assert_eq!(format!("{kinds:#x}"), "0xfba000000000bc");
    let unnamed = NOTHING.with_mode(KindsMode::new(2));
    assert!(unnamed.to_string().contains("MODE: 0x2"), "{unnamed}");
}

#[test]
fn enumerated_values_are_text_and_keys() {
    assert_eq!(KindsMode::SLOW.to_string(), "SLOW");
    assert_eq!(format!("{:?}|{:>5}|", KindsMode::FAST, KindsMode::OFF), "FAST|  OFF|");
    assert_eq!(KindsMode::new(2).to_string(), "0x2");
    let seen = HashSet::from([KindsMode::OFF, KindsMode::FAST, KindsMode::new(0)]);
    assert_eq!(seen.len(), 2);
}

#[test]
fn text_reads_back() {
    let kinds = NOTHING.with_signed(-32).with_mode(KindsMode::SLOW).with_if(true);
    let bits = kinds.bits();
    for text in [
        kinds.to_string(),
        format!("{bits:#x}"),
        format!("{bits}"),
        "KINDS { IF: 1, SIGNED: -32, MODE: SLOW }".to_owned(),
        "{IF:1,SIGNED:0x20,MODE:1}".to_owned(),
        "IF=1, SIGNED=-32, MODE=SLOW".to_owned(),
        "MODE=0x1,SIGNED=32,IF=1".to_owned(),
    ] {
        assert_eq!(Kinds::from_str(&text), Ok(kinds), "{text}");
    }
}

#[test]
fn text_that_is_no_value_is_refused_with_what_is_legal() {
    let syntax = "expected `NAME { FIELD: value, ... } 0xBITS`, its braces or its bits alone, or \
                  `FIELD=value, ...`";
    for (text, message) in [
        ("", syntax),
        ("KINDS", syntax),
        ("OTHER { IF: 1 }", syntax),
        ("{ IF }", syntax),
        ("{ IF=1 }", syntax),
        ("IF=1, MODE", syntax),
        (
            "IF=1, NO_FIELD=1",
            "item 2 is for no field of the register; it has WIDE, SPLIT, MODE, SIGNED, IF",
        ),
        (
            "{ MODE: NO_VALUE }",
            "MODE has no such value; it takes OFF, SLOW, FAST or a number up to 0x3",
        ),
        ("MODE=4", "the number does not fit MODE; it takes OFF, SLOW, FAST or a number up to 0x3"),
        ("SIGNED=-33", "the number does not fit SIGNED; it takes a number from -32 to 0x3f"),
        ("SPLIT=", "SPLIT has no such value; it takes a number up to 0xfff"),
        ("{ IF: 1 } 0x0", "IF is given two values; give it one"),
        ("MODE=SLOW, MODE=FAST", "MODE is given two values; give it one"),
        ("0x1ffffffffffffffff", "the number does not fit the register"),
    ] {
        let error = Kinds::from_str(text).expect_err(text);
        assert_eq!(error.to_string(), message, "{text}");
    }
}

#[test]
fn the_field_table_accounts_for_every_bit() {
    let mut seen = 0u128;
    for field in every::layout::Kinds::FIELDS {
        for piece in field.pieces() {
            let bits = ((1u128 << (piece.msb - piece.lsb + 1)) - 1) << piece.lsb;
            assert_eq!(seen & bits, 0, "{}", field.name);
            seen |= bits;
        }
    }
    assert_eq!(seen, u128::from(u64::MAX));
    let kinds: Vec<_> = every::layout::Kinds::FIELDS.iter().map(|field| field.kind).collect();
    for kind in [
        FieldKind::Bool,
        FieldKind::Uint,
        FieldKind::Int,
        FieldKind::Enum,
        FieldKind::Res0,
        FieldKind::Res1,
        FieldKind::Raz,
        FieldKind::Unkn,
    ] {
        assert!(kinds.contains(&kind), "{kind:?}");
    }
}

#[test]
fn members_of_a_family_are_counted_from_its_first() {
    assert_eq!(every::N_A.len(), 2);
    assert_eq!(every::N_A[0].name(), "N2_A");
    assert_eq!(every::by_name("N3_A").map(|info| info.place), Some(every::N_A[1].place()));
}

#[test]
fn accessors_reach_what_the_constants_name() -> Result<(), onereg::Error> {
    use every::EveryRegisters;

    let memory = Memory::<every::Every>::new(Host::LP64);
    memory.set_n_a(1, Shared::new(0xaaaa_5555))?;
    assert_eq!(memory.get(every::N_A[1])?.high(), 0xaaaa);
    assert_eq!(memory.n_a(1)?.low(), 0x5555);
    assert_eq!(memory.n_a(0)?.bits(), 0);
    let error = memory.n_a(2).map(|_| ()).expect_err("there is no third member").to_string();
    assert!(error.contains("index 2 is out of range, its family has 2 registers"), "{error}");
    Ok(())
}

#[test]
fn the_kernel_s_layouts_read_as_the_manual_says() {
    let mpidr = arm64::MpidrEl1::new(0x8100_0203);
    assert_eq!((mpidr.aff0(), mpidr.aff1(), mpidr.mt()), (3, 2, true));
    let satp = riscv::Satp::new((8u64 << 60 | 0x12345).into());
    assert_eq!(satp.ppn(), 0x12345);
    assert_eq!(riscv::Satp32::new(1 << 31 | 7).ppn(), 7);
}
