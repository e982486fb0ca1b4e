//! After the first run: what the rows say is frozen is, and everything else still takes its own value.

use onereg::Arch;

use super::Subject;
use super::other_values::{Outcomes, write_other};
use super::rule::{self, Moment};
use super::written_back::write_back;
use crate::arch::{self, Host};
use crate::errno::{Expected, Outcome};
use crate::machine::Machine;
use crate::report::Section;

/// Runs the vCPU and tries again what was tried `before`.
pub(super) fn check(
    subject: &Subject<'_>,
    machine: &Machine,
    before: &Outcomes,
    section: &mut Section,
) {
    let run = arch::first_run(machine);
    let Some(run) = run else {
        section.notes.push("the vCPU cannot run without more of a machine around it".to_owned());
        return;
    };
    let outcome = Outcome::of_call(&run);
    section.expect(("KVM_RUN", None), "the first run", Expected::Accepted, outcome);
    if outcome != Outcome::Accepted {
        return;
    }
    for info in super::registers() {
        let before = before.get(info.name).copied();
        let Some(expected) =
            rule::of_other(rule::of(info.row, subject.release), before, Host::TABLE)
        else {
            continue;
        };
        if let Some(outcome) = write_other(machine, info) {
            let what = "a write of another value after the first run";
            section.access(machine, (info, what), expected, outcome);
        }
    }
    write_back(subject, machine, Moment::AfterRun, section);
}
