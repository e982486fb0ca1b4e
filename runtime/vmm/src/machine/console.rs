//! Where the guest's serial port goes.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::failure::Failure;

/// The output of a serial port.
pub(crate) struct Console(Option<Box<dyn Write + Send>>);

impl Console {
    /// Opens `stdio`, `none` or a file, which is emptied.
    pub(crate) fn open(what: &Path) -> Result<Console, Failure> {
        match what.to_str() {
            Some("stdio") => Ok(Console(Some(Box::new(io::stdout())))),
            Some("none") => Ok(Console(None)),
            _ => match File::create(what) {
                Ok(file) => Ok(Console(Some(Box::new(file)))),
                Err(error) => Err(Failure::new(format!(
                    "cannot open the console {}: {error}",
                    what.display()
                ))),
            },
        }
    }

    /// Writes what the guest sent.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(output) = &mut self.0 else { return Ok(()) };
        output.write_all(bytes)?;
        output.flush()
    }
}
