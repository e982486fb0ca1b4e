//! Fuzz target: [`onereg_fuzz::states`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| onereg_fuzz::states(input));
