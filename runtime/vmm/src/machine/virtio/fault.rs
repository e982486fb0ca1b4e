//! What a driver does wrong.

use std::fmt;

/// A mistake of the guest's driver, which hurts only its device.
#[derive(Debug)]
pub(super) struct GuestFault(String);

impl GuestFault {
    /// Says what is wrong, as what the driver gave: `a chain that ..`.
    pub(super) fn new(what: impl Into<String>) -> GuestFault {
        GuestFault(what.into())
    }
}

impl fmt::Display for GuestFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the driver gave {}", self.0)
    }
}

impl From<virtio_queue::Error> for GuestFault {
    fn from(error: virtio_queue::Error) -> Self {
        GuestFault::new(format!("a queue that cannot be used: {error}"))
    }
}
