//! Fuzz target: [`onereg_fuzz::sockets`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| onereg_fuzz::sockets(input));
