//! Registers of a table of one's own, with everything documented and nothing unsafe.

#![deny(warnings, missing_docs, unsafe_code, unreachable_pub, rust_2018_idioms)]

use onereg::{Host, Memory, Registers};

// A private module: much of it is not used here.
mod uart {
    onereg::registers!("tables/uart");
}

use uart::{CONTROL, Control, ControlMode, DATA, FIFO, RESET, STATUS, Uart, UartRegisters};

const CONTROLS: Control = Control::new(0).with_on(true).with_mode(ControlMode::RUN).with_offset(-2);

fn main() -> Result<(), onereg::Error> {
    let block = Memory::<Uart>::new(Host::LP64);
    block.set(DATA, 5)?;
    block.set(RESET, 1)?;
    block.set_control(CONTROLS.with_split(0b1001).with_type(true))?;
    block.set_fifo(3, 7)?;
    assert_eq!(block.get(STATUS)?, 0);
    assert_eq!(block.get(FIFO[3])?, 7);
    assert_eq!(block.get(CONTROL)?.bits(), 0xfe9d);
    assert_eq!(block.control()?.offset(), -2);
    assert_eq!(block.control()?.split(), 0b1001);
    assert!(block.control()?.type_());
    Ok(())
}
