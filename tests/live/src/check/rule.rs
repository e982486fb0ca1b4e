//! What the kernel should make of a write, by what the row says of it.

use onereg::{Access, Row, Table, WriteRule};

use crate::errno::{Expected, Outcome};

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

/// Says what becomes of a write of the present value.
pub(super) fn of_same(row: &Row, value: &[u8], moment: Moment, table: &Table) -> Expected {
    match (row.access, row.write) {
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
pub(super) fn of_other(row: &Row, before_run: Option<Outcome>, table: &Table) -> Option<Expected> {
    match (row.write, before_run) {
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

    fn row(write: WriteRule) -> Row {
        Row { write, ..Row::DEFAULT }
    }

    #[test]
    fn the_present_value_is_taken_back_unless_the_row_says_otherwise() {
        let same = |row: Row, value: &[u8], moment| of_same(&row, value, moment, Riscv::TABLE);
        let accepted = [
            (row(WriteRule::Any), Moment::AfterRun),
            (row(WriteRule::MustMatch), Moment::AfterRun),
            (row(WriteRule::BeforeFirstRun), Moment::AfterRun),
            (row(WriteRule::UntilFirstRun), Moment::BeforeRun),
            (row(WriteRule::ClearOnce), Moment::BeforeRun),
        ];
        for (row, moment) in accepted {
            assert_eq!(same(row, &[1], moment), Expected::Accepted);
        }
        let refused = [
            (row(WriteRule::UntilFirstRun), Moment::AfterRun, BUSY),
            (row(WriteRule::ClearOnce), Moment::BeforeRun, INVALID),
            (row(WriteRule::BeforeFinalize), Moment::BeforeRun, NOT_PERMITTED),
            (Row { access: Access::ReadOnly, ..Row::DEFAULT }, Moment::BeforeRun, INVALID),
        ];
        for (row, moment, errnos) in refused {
            assert_eq!(same(row, &[0], moment), Expected::Refused(errnos));
        }
    }

    #[test]
    fn another_value_is_refused_with_the_errno_of_the_architecture() {
        let frozen = row(WriteRule::BeforeFirstRun);
        let accepted = Some(Outcome::Accepted);
        let refused = Some(Outcome::Refused(Errno(libc::EINVAL)));
        assert_eq!(of_other(&frozen, accepted, Arm64::TABLE), Some(Expected::Refused(BUSY)));
        assert_eq!(of_other(&frozen, accepted, X86::TABLE), Some(Expected::Refused(INVALID)));
        let both = Some(Expected::Refused(BUSY_OR_INVALID));
        assert_eq!(of_other(&frozen, refused, Arm64::TABLE), both);
        let must_match = row(WriteRule::MustMatch);
        let invalid = Some(Expected::Refused(INVALID));
        assert_eq!(of_other(&must_match, None, Arm64::TABLE), invalid);
        assert_eq!(of_other(&must_match, refused, Arm64::TABLE), both);
        assert_eq!(of_other(&row(WriteRule::Any), accepted, Arm64::TABLE), None);
    }
}
