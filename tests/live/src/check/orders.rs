//! Rules of order, broken on purpose: those that concern more than one register or another ioctl.

use crate::arch::{self, Configuration};
use crate::errno::{Expected, Outcome};
use crate::failure::Failure;
use crate::report::Section;
use crate::system::Kvm;

/// A call out of order, or the right one to compare with.
pub(crate) struct Attempt {
    /// Register or ioctl.
    pub(crate) subject: &'static str,
    /// What was tried, and when.
    pub(crate) what: &'static str,
    /// What should become of it.
    pub(crate) expected: Expected,
    /// What became of it.
    pub(crate) outcome: Outcome,
}

pub(super) fn check(
    kvm: &Kvm,
    configuration: &Configuration,
    section: &mut Section,
) -> Result<(), Failure> {
    for Attempt { subject, what, expected, outcome } in arch::orders(kvm, configuration)? {
        section.expect((subject, None), what, expected, outcome);
    }
    Ok(())
}
