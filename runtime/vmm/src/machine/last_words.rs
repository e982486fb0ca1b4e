//! What a Linux kernel says on its console before it dies.
//!
//! Stock kernels of arm64 and riscv have no driver for a device that takes such a notice, and a reset after a panic
//! looks like any other: the console is the only witness. A guest that lies about its death deceives nobody but its
//! own user.

use super::timings::{self, Point};

/// Longest line that is kept of what a guest prints.
const LINE_MAX: usize = 256;

/// Beginning of the line with the cause.
const PANIC: &str = "Kernel panic - not syncing";

/// Beginning of the last line of a kernel that does not restart.
const END: &str = "---[ end Kernel panic";

/// Watches the lines that a guest prints.
#[derive(Default)]
pub(super) struct LastWords {
    line: Vec<u8>,
    cause: Option<String>,
    ended: bool,
}

impl LastWords {
    /// Reads what the guest prints.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' => {
                    self.judge();
                    self.line.clear();
                }
                _ if self.line.len() < LINE_MAX => self.line.push(*byte),
                _ => {}
            }
        }
    }

    /// Returns why the kernel gave up, if it did.
    pub(super) fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// Says whether the kernel has stopped for ever.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    fn judge(&mut self) {
        let line = String::from_utf8_lossy(&self.line);
        let message = |start| {
            // The time stands before a message, and what a program was about to print may stand before that.
            let at = line.find(start)?;
            let (before, message) = line.split_at_checked(at)?;
            (before.is_empty() || before.ends_with("] ")).then_some(message)
        };
        if let (Some(cause), None) = (message(PANIC), &self.cause) {
            self.cause = Some(cause.chars().filter(|c| !c.is_control()).collect());
        }
        self.ended |= message(END).is_some();
        // The kernel begins its lines with the time.
        if !line.starts_with('[') && !line.trim().is_empty() {
            timings::reach(Point::Init);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> LastWords {
        let mut words = LastWords::default();
        text.bytes().for_each(|byte| words.read(&[byte]));
        words
    }

    #[test]
    fn a_panic_has_a_cause_and_an_end_where_the_kernel_stays() {
        let cause = "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100";
        let words = read(&format!("[    1.5] ok\r\nlogin:[    2.0][    T1] {cause}\r\n"));
        assert_eq!(words.cause(), Some(cause));
        assert!(!words.ended());
        let words = read(&format!("{cause}\n[    2.1] ---[ end {cause} ]---\n"));
        assert_eq!(words.cause(), Some(cause));
        assert!(words.ended());
    }

    #[test]
    fn other_lines_are_no_panic_and_take_no_memory() {
        let words = read(&format!("see Kernel panic - not syncing\n{}\n{PANIC}", "x".repeat(9999)));
        assert_eq!(words.cause(), None);
        assert!(words.line.len() <= LINE_MAX);
    }
}
