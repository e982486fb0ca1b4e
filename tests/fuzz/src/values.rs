//! Values as text: what is printed is read back, and nothing that is read panics.

use std::fmt::Display;
use std::str::FromStr;

use onereg::{arm64, riscv, x86};

/// Reads the input as text of several layouts, and prints and reads back its bits.
pub fn values(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input) {
        reread::<arm64::Spsr>(text);
        reread::<riscv::Sstatus>(text);
        reread::<x86::Rflags>(text);
        reread::<x86::Cr4>(text);
    }
    if let Some((bits, _)) = input.split_first_chunk::<8>() {
        let bits = u64::from_le_bytes(*bits);
        assert_eq!(
            arm64::SctlrEl1::from_str(&arm64::SctlrEl1::new(bits).to_string()).map(|v| v.bits()),
            Ok(bits)
        );
        assert_eq!(
            arm64::TcrEl1::from_str(&arm64::TcrEl1::new(bits).to_string()).map(|v| v.bits()),
            Ok(bits)
        );
    }
}

/// A text that is a value prints as a text that is the same value.
fn reread<T: FromStr + Display + PartialEq + Copy>(text: &str) {
    if let Ok(value) = T::from_str(text) {
        let again = T::from_str(&value.to_string());
        assert!(again.is_ok_and(|again| again == value), "{text} prints as {value}");
    }
}
