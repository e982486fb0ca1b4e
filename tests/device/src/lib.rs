//! A serial port whose registers come from a table of its own.
//!
//! `tables/uart/` describes the PL011, a block of 32-bit registers that has nothing to do with KVM; [`uart`] is
//! generated from it. A driver ([`Serial`]) then names registers and fields instead of offsets and masks, over anything
//! that implements [`onereg::Registers`]: here [`Block`], plain memory; on hardware, a mapped page.
//!
//! ```
//! use onereg::Registers;
//! use onereg_example_device::uart::{CR, LCR_H, LcrHWlen};
//! use onereg_example_device::{Block, Serial};
//!
//! let block = Block::new();
//! Serial::start(&block, 24_000_000, 115_200)?.send(b"hello")?;
//! assert_eq!(block.get(LCR_H)?.wlen(), LcrHWlen::EIGHT);
//! assert!(block.get(CR)?.uarten());
//! # Ok::<(), onereg::Error>(())
//! ```

#![no_std]

mod block;
mod serial;

pub use block::Block;
pub use serial::Serial;

/// Registers of the PL011.
pub mod uart {
    onereg::registers!("tables/uart");
}
