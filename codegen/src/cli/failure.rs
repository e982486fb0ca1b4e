//! Why a command exits 1.

/// What a failed command still prints, and why it failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// For stdout.
    pub(crate) output: String,
    /// For stderr.
    pub(crate) message: String,
}

impl Failure {
    /// A failure with one message: a lower-case sentence without a full stop.
    pub(crate) fn new(message: impl AsRef<str>) -> Self {
        Failure { output: String::new(), message: format!("onereg: {}\n", message.as_ref()) }
    }

    /// Prints `output` all the same.
    pub(crate) fn with_output(self, output: String) -> Self {
        Failure { output, ..self }
    }
}
