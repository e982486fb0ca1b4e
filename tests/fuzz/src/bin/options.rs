//! Fuzz target: [`onereg_fuzz::options`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| onereg_fuzz::options(input));
