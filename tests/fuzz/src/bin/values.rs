//! Fuzz target: [`onereg_fuzz::values`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| onereg_fuzz::values(input));
