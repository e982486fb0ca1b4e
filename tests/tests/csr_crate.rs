//! The bits of riscv's CSRs on XLEN 64 against the crate `riscv`, which has tables of its own.
//!
//! The crate is asked bit by bit: the bits of a field are those that change what its getter returns.

use std::collections::BTreeMap;
use std::io::{self, Write};

use onereg_codegen::model::{Arch, Host, Layout};
use onereg_tests::tables;
use riscv::register::misa::Misa;
use riscv::register::mvendorid::Mvendorid;
use riscv::register::satp::Satp;
use riscv::register::scause::Scause;
use riscv::register::scounteren::Scounteren;
use riscv::register::senvcfg::Senvcfg;
use riscv::register::sie::Sie;
use riscv::register::sip::Sip;
use riscv::register::sstatus::Sstatus;
use riscv::register::stvec::Stvec;

/// Fields that the crate does not have.
const OURS_ALONE: &[(&str, &[&str])] =
    &[("sstatus", &["SDT", "SPELP"]), ("sie", &["LCOFIE", "LOCAL"]), ("sip", &["LCOFIP", "LOCAL"])];

/// Masks of fields, by the name of the register and of the field in the tables.
type Masks = BTreeMap<(&'static str, String), usize>;

/// Finds the bits of each field of a register: the name in the tables, the crate's getter.
macro_rules! masks {
    ($masks:ident, $register:literal, $type:ident { $($field:literal: $getter:ident,)* }) => {
        $(
            let get = |bits| $type::from_bits(bits).$getter();
            $masks.insert(($register, $field.to_owned()), mask(|bits| get(bits) != get(0)));
        )*
    };
}

/// The bits that make a difference alone.
fn mask(differs: impl Fn(usize) -> bool) -> usize {
    (0..usize::BITS).map(|bit| 1 << bit).filter(|bits| differs(*bits)).sum()
}

/// Asks the crate for every field.
fn masks() -> Masks {
    let mut masks = Masks::new();
    masks!(masks, "sstatus", Sstatus {
        "SD": sd, "UXL": try_uxl, "MXR": mxr, "SUM": sum, "XS": try_xs, "FS": try_fs, "VS": try_vs,
        "SPP": try_spp, "UBE": ube, "SPIE": spie, "SIE": sie,
    });
    masks!(masks, "sie", Sie { "SEIE": sext, "STIE": stimer, "SSIE": ssoft, });
    masks!(masks, "sip", Sip { "SEIP": sext, "STIP": stimer, "SSIP": ssoft, });
    masks!(masks, "stvec", Stvec { "BASE": address, "MODE": try_trap_mode, });
    masks!(masks, "scause", Scause { "Interrupt": interrupt, "Exception_Code": code, });
    masks!(masks, "satp", Satp { "MODE": try_mode, "ASID": asid, "PPN": ppn, });
    masks!(masks, "scounteren", Scounteren { "IR": ir, "TM": tm, "CY": cy, });
    masks!(masks, "senvcfg", Senvcfg {
        "PMM": try_pmm, "CBZE": cbze, "CBCFE": cbcfe, "CBIE": try_cbie, "SSE": sse, "LPE": lpe,
        "FIOM": fiom,
    });
    masks!(masks, "CONFIG_MVENDORID", Mvendorid { "Bank": bank, "Offset": offset, });
    for index in 3..=31 {
        let counter = mask(|bits| Scounteren::from_bits(bits).hpm(index));
        masks.insert(("scounteren", format!("HPM{index}")), counter);
    }
    for letter in "XVUSQPMIHFEDCBA".chars() {
        let extension = mask(|bits| Misa::from_bits(bits).has_extension(letter));
        masks.insert(("CONFIG_ISA", letter.to_string()), extension);
    }
    masks
}

/// The layout of a register on XLEN 64.
fn layout<'a>(arch: &'a Arch, register: &str) -> &'a Layout {
    let row = arch.registers.iter().find(|row| row.name.text == register).expect("it is a row");
    arch.layout(row, Host::default()).expect("the row has fields")
}

#[test]
fn the_crate_has_the_same_bits() {
    let arch = tables::arch("riscv").expect("the tables are valid");
    let theirs = masks();
    let mut registers: Vec<&str> = theirs.keys().map(|(register, _)| *register).collect();
    registers.dedup();
    let mut ours = Masks::new();
    for register in registers {
        let alone = OURS_ALONE.iter().filter(|(of, _)| *of == register);
        let alone: Vec<&str> = alone.flat_map(|(_, fields)| *fields).copied().collect();
        let fields =
            layout(&arch, register).fields.iter().filter(|field| !field.kind.is_reserved());
        for field in fields.filter(|field| !alone.contains(&field.name.as_str())) {
            let bits = field.pieces.iter().flat_map(|piece| piece.lsb..=piece.msb);
            ours.insert((register, field.name.clone()), bits.map(|bit| 1 << bit).sum());
        }
    }
    let text = format!("riscv: {} fields have the bits of the crate riscv\n", theirs.len());
    io::stdout().write_all(text.as_bytes()).expect("stdout takes the summary");
    assert_eq!(ours, theirs);
}
