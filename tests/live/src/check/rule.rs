//! What the kernel should make of a write, by what the row says of it.

use onereg::{Access, Row, Table, WriteRule};

use crate::errno::{Expected, Outcome};
use crate::release::Release;

/// A value that the register does not take, or an access that it does not have.
pub(super) const INVALID: &[i32] = &[libc::EINVAL];
const BUSY: &[i32] = &[libc::EBUSY];
const BUSY_OR_INVALID: &[i32] = &[libc::EBUSY, libc::EINVAL];
const NOT_PERMITTED: &[i32] = &[libc::EPERM];

/// When the write comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// After the vCPU was finalized, before its first run.
    BeforeRun,
    /// After its first run.
    AfterRun,
}

/// Returns which writes a kernel of this release takes.
pub(super) fn of(row: &Row, release: Release) -> WriteRule {
    if release.is_within(row.write_since, None) { row.write } else { WriteRule::Any }
}

/// Says what becomes of a write of the present value.
pub(super) fn of_same(
    (access, write): (Access, WriteRule),
    value: &[u8],
    moment: Moment,
    table: &Table,
) -> Expected {
    match (access, write) {
        (Access::ReadOnly, _) => Expected::Refused(INVALID),
        (_, WriteRule::BeforeFinalize) => Expected::Refused(NOT_PERMITTED),
        (_, WriteRule::UntilFirstRun) if moment == Moment::AfterRun => frozen(table),
        (_, WriteRule::ClearOnce) if value.iter().all(|byte| *byte == 0) => {
            Expected::Refused(INVALID)
        }
        _ => Expected::Accepted,
    }
}

/// Says what becomes of a write of another value; `None` where the row does not say.
///
/// After the first run, when it is known what became of it before, a value that was refused may be so for the same
/// reason as then, or because everything is frozen.
pub(super) fn of_other(
    write: WriteRule,
    before_run: Option<Outcome>,
    table: &Table,
) -> Option<Expected> {
    match (write, before_run) {
        (WriteRule::MustMatch, None) => Some(Expected::Refused(INVALID)),
        (WriteRule::MustMatch, Some(_)) => Some(Expected::Refused(BUSY_OR_INVALID)),
        (WriteRule::BeforeFirstRun, Some(Outcome::Accepted | Outcome::Ignored)) => {
            Some(frozen(table))
        }
        (WriteRule::BeforeFirstRun, Some(Outcome::Refused(_))) => {
            Some(Expected::Refused(BUSY_OR_INVALID))
        }
        (WriteRule::UntilFirstRun, Some(_)) => Some(frozen(table)),
        _ => None,
    }
}

/// The errno of a register that the first run has frozen: EBUSY where the architecture has it.
fn frozen(table: &Table) -> Expected {
    let has_busy = table.errors.iter().any(|errno| errno.number == libc::EBUSY);
    Expected::Refused(if has_busy { BUSY } else { INVALID })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errno::Errno;
    use onereg::{Arch, Arm64, Riscv, X86};

    #[test]
    fn the_present_value_is_taken_back_unless_the_row_says_otherwise() {
        let same = |write: WriteRule, value: &[u8], moment| {
            of_same((Access::ReadWrite, write), value, moment, Riscv::TABLE)
        };
        let accepted = [
            (WriteRule::Any, Moment::AfterRun),
            (WriteRule::MustMatch, Moment::AfterRun),
            (WriteRule::BeforeFirstRun, Moment::AfterRun),
            (WriteRule::UntilFirstRun, Moment::BeforeRun),
            (WriteRule::ClearOnce, Moment::BeforeRun),
        ];
        for (write, moment) in accepted {
            assert_eq!(same(write, &[1], moment), Expected::Accepted);
        }
        let refused = [
            (WriteRule::UntilFirstRun, Moment::AfterRun, BUSY),
            (WriteRule::ClearOnce, Moment::BeforeRun, INVALID),
            (WriteRule::BeforeFinalize, Moment::BeforeRun, NOT_PERMITTED),
        ];
        for (write, moment, errnos) in refused {
            assert_eq!(same(write, &[0], moment), Expected::Refused(errnos));
        }
        let read_only = (Access::ReadOnly, WriteRule::Any);
        let refused = of_same(read_only, &[0], Moment::BeforeRun, Riscv::TABLE);
        assert_eq!(refused, Expected::Refused(INVALID));
    }

    #[test]
    fn another_value_is_refused_with_the_errno_of_the_architecture() {
        let accepted = Some(Outcome::Accepted);
        let refused = Some(Outcome::Refused(Errno(libc::EINVAL)));
        let both = Some(Expected::Refused(BUSY_OR_INVALID));
        let invalid = Some(Expected::Refused(INVALID));
        let busy = Some(Expected::Refused(BUSY));
        let cases = [
            (WriteRule::BeforeFirstRun, accepted, Arm64::TABLE, busy),
            (WriteRule::BeforeFirstRun, accepted, X86::TABLE, invalid),
            (WriteRule::BeforeFirstRun, refused, Arm64::TABLE, both),
            (WriteRule::MustMatch, None, Arm64::TABLE, invalid),
            (WriteRule::MustMatch, refused, Arm64::TABLE, both),
            (WriteRule::Any, accepted, Arm64::TABLE, None),
        ];
        for (index, (write, before, table, expected)) in cases.into_iter().enumerate() {
            assert_eq!(of_other(write, before, table), expected, "case {index}");
        }
    }

    #[test]
    fn a_rule_may_be_younger_than_the_kernel() {
        let row = Row { write: WriteRule::MustMatch, write_since: Some("6.13"), ..Row::DEFAULT };
        let rule = |release| of(&row, Release::parse(release).unwrap());
        assert_eq!(rule("6.12.117"), WriteRule::Any);
        assert_eq!(rule("6.13"), WriteRule::MustMatch);
    }
}
