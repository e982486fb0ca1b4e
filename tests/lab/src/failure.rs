//! What ends the lab when it is not the program's own end.

/// Why there is no status of the program. Each kind has an exit status of its own.
#[derive(Debug, Eq, PartialEq)]
pub enum Failure {
    /// The command line asks for something that does not exist.
    Usage(String),
    /// No suite has the kernel, or none can be reached.
    NoKernel(String),
    /// The time was over before the program ended.
    TimeOut(String),
    /// Something that the run needs is missing or failed: a package, the build, QEMU, the host's kernel.
    Host(String),
}

impl Failure {
    /// Returns the exit status of this kind.
    pub fn status(&self) -> u8 {
        match self {
            Failure::Usage(_) => 2,
            Failure::NoKernel(_) => 123,
            Failure::TimeOut(_) => 124,
            Failure::Host(_) => 125,
        }
    }

    /// Returns what happened, where, and what to do.
    pub fn message(&self) -> &str {
        match self {
            Failure::Usage(text)
            | Failure::NoKernel(text)
            | Failure::TimeOut(text)
            | Failure::Host(text) => text,
        }
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Failure {
        Failure::Host(text)
    }
}
