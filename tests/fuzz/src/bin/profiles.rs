//! Fuzz target: [`onereg_fuzz::profiles`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| onereg_fuzz::profiles(input));
