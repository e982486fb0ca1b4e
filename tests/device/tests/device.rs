//! The generated registers, the driver on them, and what goes wrong.

use onereg::{Access, ErrorKind, Host, Place, Reg, Registers, Value};
use onereg_example_device::uart::{
    self, CR, DR, Dr, FR, IBRD, ICR, Interrupts, LCR_H, LcrH, LcrHWlen, PERIPH_ID, Pl011,
    Pl011Registers,
};
use onereg_example_device::{Block, Serial};

#[test]
fn registers_are_at_the_addresses_of_the_table() {
    let address = |place| match place {
        Place::Plain { address, size: 4 } => address,
        place => panic!("{place:?} is no 32-bit register of a plain space"),
    };
    assert_eq!(address(CR.place()), 0x30);
    assert_eq!(PERIPH_ID.map(|register| address(register.place())), [0xfe0, 0xfe4, 0xfe8, 0xfec]);
    assert_eq!(CR.place().id(Host::LP64), None);
}

#[test]
fn fields_name_the_bits() {
    let lcr_h = LcrH::new(0).with_wlen(LcrHWlen::EIGHT).with_fen(true);
    assert_eq!(lcr_h.bits(), 0x70);
    assert_eq!(
        lcr_h.to_string(),
        "LCR_H { BRK: 0, PEN: 0, EPS: 0, STP2: 0, FEN: 1, WLEN: EIGHT, SPS: 0 } 0x70"
    );
    assert_eq!(lcr_h.to_string().parse(), Ok(lcr_h));
}

#[test]
fn the_driver_starts_and_sends() {
    let block = Block::new();
    Serial::start(&block, 24_000_000, 115_200).unwrap().send(b"hi").unwrap();
    assert_eq!(block.get(IBRD), Ok(13));
    assert_eq!(block.fbrd(), Ok(1));
    assert_eq!(block.get(LCR_H).map(LcrH::bits), Ok(0x70));
    assert_eq!(block.get(CR).map(|cr| cr.bits()), Ok(0x101));
    assert_eq!(block.get(DR).map(Dr::data), Ok(b'i'));
}

#[test]
fn accessors_do_what_the_constants_do() {
    let block = Block::new();
    block.set_imsc(Interrupts::new(0).with_rx(true)).unwrap();
    assert!(block.imsc().unwrap().rx());
    assert_eq!(block.periph_id(3), Ok(0));
    let error = block.periph_id(4).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Index { index: 4, count: 4 });
}

#[test]
fn the_table_is_there_at_run_time() {
    let icr = uart::by_name("ICR").unwrap();
    assert_eq!((icr.row.access, icr.place), (Access::WriteOnly, ICR.place()));
    assert_eq!(FR.name(), "FR");
    assert_eq!(uart::ALL.len(), 14);
}

#[test]
fn errors_name_the_register() {
    let block = Block::new();
    let outside = Reg::<Pl011, u32>::new(Place::Plain { address: 0x2000, size: 4 });
    let error = block.get(outside).unwrap_err().to_string();
    assert_eq!(
        error,
        "read pl011 register without a name (0x2000): the target holds no such register"
    );
    let short = u16::read(2, |buffer| block.read_bytes(CR.place(), buffer)).unwrap_err();
    assert_eq!(short.to_string(), "read pl011 CR (0x30): 2 bytes given, the register has 4");
}
