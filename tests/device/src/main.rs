//! Starts a serial port in memory, sends a line and prints the registers.

use onereg::Registers;
use onereg_example_device::uart::{CR, DR, FBRD, IBRD, LCR_H};
use onereg_example_device::{Block, Serial};

fn main() -> Result<(), onereg::Error> {
    let block = Block::new();
    Serial::start(&block, 24_000_000, 115_200)?.send(b"hello\n")?;
    println!("IBRD  {}", block.get(IBRD)?);
    println!("FBRD  {}", block.get(FBRD)?);
    println!("LCR_H {}", block.get(LCR_H)?);
    println!("CR    {}", block.get(CR)?);
    println!("DR    {}", block.get(DR)?);
    Ok(())
}
