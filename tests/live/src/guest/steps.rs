//! The steps of a program, as the assembler's macros write them.

// UNSAFETY: the steps lie between two symbols that the assembler defines.
#![expect(unsafe_code, reason = "the bytes between two symbols become a slice")]

use std::iter;

/// Begins the steps of an architecture, with macros for them: `begin REGISTER`, or `begin` alone for a step that every
/// program has, then its code, then `finish`. They write the length of the name, that of the code, the name, and the code,
/// each of both filled up to a multiple of 4 bytes.
macro_rules! begin_steps {
    () => {
        "
        .pushsection .rodata.onereg_live_guest, \"a\"
        .macro begin register:vararg
        .byte 91f - 90f, 93f - 92f
        90: .ascii \"\\register\"
        91: .balign 4
        92:
        .endm
        .macro finish
        93: .balign 4
        .endm
        .balign 4
        .global onereg_live_guest_start
        onereg_live_guest_start:
        "
    };
}

/// Ends the steps.
macro_rules! end_steps {
    () => {
        "
        .global onereg_live_guest_end
        onereg_live_guest_end:
        .popsection
        "
    };
}

unsafe extern "C" {
    #[link_name = "onereg_live_guest_start"]
    static START: u8;
    #[link_name = "onereg_live_guest_end"]
    static END: u8;
}

/// A step of the program.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// The register that it stores; empty of a step that every program has.
    pub(super) register: &'static str,
    pub(super) code: &'static [u8],
}

/// Lists all steps, in order.
pub(super) fn steps() -> impl Iterator<Item = Step> {
    let (start, end) = (&raw const START, &raw const END);
    // SAFETY: the architecture's `global_asm!` puts both symbols into one section, END behind START, with nothing but
    // read-only bytes between them that live as long as the program.
    let mut left = unsafe { std::slice::from_raw_parts(start, end.addr() - start.addr()) };
    iter::from_fn(move || {
        let (step, rest) = split_step(left)?;
        left = rest;
        Some(step)
    })
}

/// Splits off a step as the assembler's macros write it.
fn split_step(steps: &'static [u8]) -> Option<(Step, &'static [u8])> {
    let (&[name, code], _) = steps.split_first_chunk()?;
    let (name, code) = (usize::from(name), usize::from(code));
    let (start, end) = (2 + name, (2 + name).next_multiple_of(4) + code);
    let register = std::str::from_utf8(steps.get(2..start)?).ok()?;
    let code = steps.get(end - code..end)?;
    Some((Step { register, code }, steps.get(end.next_multiple_of(4)..)?))
}
