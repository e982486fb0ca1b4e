//! Fuzz target: [`onereg_fuzz::devices`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| onereg_fuzz::devices(input));
