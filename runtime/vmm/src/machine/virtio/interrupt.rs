//! How a device interrupts its driver.

/// Why a device interrupts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Something was given back in that queue.
    Queue(u16),
    /// The configuration changed.
    Config,
}

/// What interrupts a driver: the transport. It may be called while the device is locked.
pub(super) trait Interrupt: Send + Sync {
    fn raise(&self, cause: Cause);
}
