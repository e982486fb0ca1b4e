//! Where the output of a console goes, and who listens.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use super::last_words::LastWords;
use super::timings::{self, Point};

/// What a console has said, for others than its writer.
pub(super) type Said = Arc<Mutex<LastWords>>;

/// Returns why the guest's kernel gave up, if it said so.
pub(super) fn last_words(said: &Said) -> Option<String> {
    said.lock().unwrap_or_else(PoisonError::into_inner).cause().map(ToOwned::to_owned)
}

/// The output of a console.
pub(super) struct Output {
    to: Box<dyn Write + Send>,
    said: Said,
}

impl Output {
    pub(super) fn new(to: Box<dyn Write + Send>) -> Output {
        Output { to, said: Said::default() }
    }

    /// Returns what the guest has said here.
    pub(super) fn said(&self) -> Said {
        Arc::clone(&self.said)
    }

    /// Returns why the guest's kernel gave up, once it has stopped for ever.
    pub(super) fn end(&self) -> Option<String> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.cause().filter(|_| said.ended()).map(ToOwned::to_owned)
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.to.write(bytes)?;
        timings::reach(Point::FirstByte);
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.read(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_that_stays_ends_the_console_and_one_that_restarts_has_said_why() {
        let mut output = Output::new(Box::new(io::sink()));
        let said = output.said();
        output.write_all(b"Kernel panic - not syncing: a test\n").unwrap();
        assert_eq!(last_words(&said).unwrap(), "Kernel panic - not syncing: a test");
        assert_eq!(output.end(), None);
        output.write_all(b"---[ end Kernel panic - not syncing: a test ]---\n").unwrap();
        assert_eq!(output.end(), last_words(&said));
    }
}
