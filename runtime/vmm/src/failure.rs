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
    /// The VM cannot start, or fails.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Failure { message: message.into(), status: 1, quiet: false }
    }

    /// The guest crashed.
    pub(crate) fn crash(message: impl Into<String>) -> Self {
        Failure { message: message.into(), status: 3, quiet: false }
    }

    /// The user pressed Ctrl-C.
    pub(crate) fn interrupted() -> Self {
        Failure { message: "interrupted".to_owned(), status: 130, quiet: false }
    }

    /// Whether there is nobody left to read the output, who then needs no message.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Puts what was tried before the message.
    pub(crate) fn within(self, what: impl fmt::Display) -> Self {
        Failure { message: format!("{what}: {}", self.message), ..self }
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
