//! Why a command fails: the message and the exit status.

use std::fmt;
use std::io;
use std::process::ExitCode;

/// A command that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    status: u8,
    quiet: bool,
}

impl Failure {
    /// The VM cannot start, or fails: exit status 1.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Failure::with_status(1, message)
    }

    /// Something that has an exit status of its own.
    pub(crate) fn with_status(status: u8, message: impl Into<String>) -> Self {
        Failure { message: message.into(), status, quiet: false }
    }

    /// Something that the output has already said.
    pub(crate) fn quiet(status: u8) -> Self {
        Failure { message: String::new(), status, quiet: true }
    }

    /// Whether there is nothing to say: nobody is left to read the output, or it says everything.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    pub(crate) fn status(&self) -> ExitCode {
        ExitCode::from(self.status)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<onereg::Error> for Failure {
    fn from(error: onereg::Error) -> Self {
        Failure::new(error.to_string())
    }
}

impl From<onereg::BulkError> for Failure {
    fn from(error: onereg::BulkError) -> Self {
        Failure::new(error.to_string())
    }
}

impl From<io::Error> for Failure {
    /// The error of an output: everything else says what it was about.
    fn from(error: io::Error) -> Self {
        let quiet = error.kind() == io::ErrorKind::BrokenPipe;
        Failure { quiet, ..Failure::new(format!("cannot write to the output: {error}")) }
    }
}
