//! The built-in guest: a few instructions that print a line, change registers and end.

// UNSAFETY: the guest's code lies between two symbols that the assembler defines.
#![expect(unsafe_code, reason = "the bytes between two symbols become a slice")]

/// What the built-in guest prints.
pub(super) const TEXT: &[u8] = b"onereg: hello from vCPU 0 of the built-in guest\n\0";

/// What the guest's command line asks for, as the bits that the code tests.
#[derive(Clone, Copy)]
pub(super) struct Wishes(u64);

impl Wishes {
    const WAIT: u64 = 1;
    const CRASH: u64 = 2;

    /// Reads the words of a command line; others are left to other guests.
    pub(super) fn of(cmdline: &str) -> Wishes {
        let bit = |word| match word {
            "wait" => Self::WAIT,
            "crash" => Self::CRASH,
            _ => 0,
        };
        Wishes(cmdline.split_whitespace().map(bit).fold(0, |wishes, bit| wishes | bit))
    }

    pub(super) fn bits(self) -> u64 {
        self.0
    }
}

unsafe extern "C" {
    #[link_name = "onereg_guest_start"]
    static START: u8;
    #[link_name = "onereg_guest_end"]
    static END: u8;
}

/// Returns the guest's code, which runs at any address.
pub(super) fn code() -> &'static [u8] {
    let (start, end) = (&raw const START, &raw const END);
    // SAFETY: the architecture's `global_asm!` puts both symbols into one section, END behind START, with nothing but
    // read-only bytes between them that live as long as the program.
    unsafe { std::slice::from_raw_parts(start, end.addr() - start.addr()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_small_and_there() {
        assert!((16..4096).contains(&code().len()), "{} bytes", code().len());
        assert_eq!(TEXT.last(), Some(&0));
    }

    #[test]
    fn wishes_are_words() {
        for (cmdline, bits) in [("", 0), ("wait", 1), ("console=ttyS0 crash", 2), ("waiting", 0)] {
            assert_eq!(Wishes::of(cmdline).bits(), bits, "{cmdline}");
        }
    }
}
