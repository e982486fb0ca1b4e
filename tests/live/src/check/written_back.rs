//! Every register takes its own value back, or refuses it as its row says.

use onereg::{Access, Arch};

use super::rule::{self, Moment};
use super::{Subject, has_id, read_value, write_value};
use crate::arch::Host;
use crate::errno::{Expected, Outcome};
use crate::machine::Machine;
use crate::presence::Presence;
use crate::report::Section;

pub(super) fn check(subject: &Subject<'_>, section: &mut Section) {
    write_back(subject, subject.machine, Moment::BeforeRun, section);
}

/// Writes to every register of a vCPU like the `subject`'s the value that it has.
pub(super) fn write_back(
    subject: &Subject<'_>,
    machine: &Machine,
    moment: Moment,
    section: &mut Section,
) {
    for info in super::registers() {
        // Read all the same, it may still refuse to be written.
        if matches!(subject.presence(info.row), Presence::MustNot(_)) {
            continue;
        }
        // A struct is written as a whole: what is read-only in it is ignored, not refused.
        if info.row.access == Access::ReadOnly && !has_id(machine, info) {
            continue;
        }
        let Ok(value) = read_value(machine, info) else { continue };
        let expected = rule::of_same(
            (info.row.access, rule::of(info.row, subject.release)),
            &value,
            moment,
            Host::TABLE,
        );
        let outcome = write_value(machine, info, &value);
        if (expected, outcome) == (Expected::Accepted, Outcome::Accepted) {
            section.tally.written.insert(info.name.to_owned());
        }
        let what = match moment {
            Moment::BeforeRun => "a write of its own value",
            Moment::AfterRun => "a write of its own value after the first run",
        };
        section.access(machine, (info, what), expected, outcome);
    }
}
