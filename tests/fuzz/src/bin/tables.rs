//! Fuzz target: [`onereg_fuzz::tables`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| onereg_fuzz::tables(input));
