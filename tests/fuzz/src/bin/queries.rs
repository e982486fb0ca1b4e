//! Fuzz target: [`onereg_fuzz::queries`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| onereg_fuzz::queries(input));
