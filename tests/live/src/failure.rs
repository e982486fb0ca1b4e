//! Why the host could not be checked at all.

use std::fmt;
use std::io;

/// A step without which nothing can be checked, and why it failed.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Failure {
        Failure(message.into())
    }

    /// Makes the error of a step: `cannot create a vCPU (KVM_CREATE_VCPU): ...`.
    pub(crate) fn step(what: &str) -> impl Fn(io::Error) -> Failure + '_ {
        move |error| Failure(format!("cannot {what}: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
