//! Where the guest's consoles go, and where their input comes from.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;
use std::sync::mpsc::{self, TrySendError};
use std::thread;

use super::confine::{self, Role};
use super::terminal::Terminal;
use crate::failure::Failure;

/// The other end of a serial port or a virtio console.
pub(crate) struct Console {
    output: Box<dyn Write + Send>,
    has_input: bool,
}

impl Console {
    /// Opens `stdio`, `none` or a file, which is emptied.
    pub(crate) fn open(what: &Path) -> Result<Console, Failure> {
        match what.to_str() {
            Some("stdio") => Ok(Console { output: Box::new(io::stdout()), has_input: true }),
            Some("none") => Ok(Console { output: Box::new(io::sink()), has_input: false }),
            _ => match File::create(what) {
                Ok(file) => Ok(Console { output: Box::new(file), has_input: false }),
                Err(error) => Err(Failure::new(format!(
                    "cannot open the console {}: {error}",
                    what.display()
                ))),
            },
        }
    }

    /// Says whether what is typed reaches the guest.
    pub(super) fn has_input(&self) -> bool {
        self.has_input
    }

    /// Says whether the output is in the window of a terminal.
    pub(super) fn is_in_window(&self) -> bool {
        self.has_input && io::stdout().is_terminal()
    }

    /// Returns where the output goes.
    pub(super) fn into_output(self) -> Box<dyn Write + Send> {
        self.output
    }
}

/// How many times something may be typed that the guest has not heard yet.
const AHEAD: usize = 64;

/// Starts the threads that give what is typed to the guest, by `enter`; on a terminal, Ctrl-A x calls `leave`.
///
/// The terminal is the guest's until what this returns is dropped.
pub(super) fn listen(
    enter: impl Fn(&[u8]) + Send + 'static,
    leave: impl Fn() + Send + 'static,
) -> Result<Option<Terminal>, Failure> {
    let terminal = Terminal::take()?;
    let mut escape = terminal.as_ref().map(|_| Escape::default());
    let (keys, typed) = mpsc::sync_channel::<Vec<u8>>(AHEAD);
    start("console", Role::Console, move || typed.iter().for_each(|typed| enter(&typed)))?;
    start("keyboard", Role::Keyboard, move || {
        let mut buffer = [0; 64];
        // The end of the input, or an error of it, is the end of what can be typed: the guest goes on.
        while let Ok(length @ 1..) = io::stdin().read(&mut buffer) {
            let typed = buffer.get(..length).unwrap_or_default();
            let taken = match &mut escape {
                None => keys.send(typed.to_vec()).is_ok(),
                Some(escape) => match escape.filter(typed) {
                    // A guest that hears nothing must not keep the user from leaving: what it has no room for is lost.
                    Some(typed) => {
                        !matches!(keys.try_send(typed), Err(TrySendError::Disconnected(_)))
                    }
                    None => {
                        leave();
                        true
                    }
                },
            };
            if !taken {
                return;
            }
        }
    })?;
    Ok(terminal)
}

fn start(name: &str, role: Role, work: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
        confine::enter(role);
        work();
    });
    thread
        .map(drop)
        .map_err(|error| Failure::new(format!("cannot start the thread of the {name}: {error}")))
}

/// Finds Ctrl-A x in what is typed.
#[derive(Default)]
struct Escape {
    pending: bool,
}

impl Escape {
    const CTRL_A: u8 = 1;

    /// Returns what is for the guest, or `None` for Ctrl-A x. Ctrl-A twice is Ctrl-A.
    fn filter(&mut self, typed: &[u8]) -> Option<Vec<u8>> {
        let mut kept = Vec::with_capacity(typed.len() + 1);
        for byte in typed {
            match (self.pending, *byte) {
                (false, Self::CTRL_A) => self.pending = true,
                (true, b'x') => return None,
                (true, Self::CTRL_A) => {
                    self.pending = false;
                    kept.push(Self::CTRL_A);
                }
                (true, other) => {
                    self.pending = false;
                    kept.extend([Self::CTRL_A, other]);
                }
                (false, other) => kept.push(other),
            }
        }
        Some(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ctrl_a_x_leaves_and_all_else_reaches_the_guest() {
        let mut escape = Escape::default();
        assert_eq!(escape.filter(b"ls\r\x03"), Some(b"ls\r\x03".to_vec()));
        assert_eq!(escape.filter(b"a\x01"), Some(b"a".to_vec()));
        assert_eq!(escape.filter(b"bx"), Some(b"\x01bx".to_vec()));
        assert_eq!(escape.filter(b"\x01\x01x"), Some(b"\x01x".to_vec()));
        assert_eq!(escape.filter(b"\x01"), Some(Vec::new()));
        assert_eq!(escape.filter(b"x"), None);
    }
}
