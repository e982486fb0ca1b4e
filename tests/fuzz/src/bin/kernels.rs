//! Fuzz target: [`onereg_fuzz::kernels`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| onereg_fuzz::kernels(input));
