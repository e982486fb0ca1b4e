//! Every register that is listed, or that its row says is there, is read; write-only ones refuse.

use onereg::{Access, Arch, Error, Info, Listed, Registers};

use super::{CORRECT_ROW, Subject, has_id, read_value, rule};
use crate::arch::{Host, reads_absent};
use crate::errno::{Errno, Expected, Outcome};
use crate::presence::Presence;
use crate::report::Section;

pub(super) fn check(subject: &Subject<'_>, section: &mut Section) {
    for info in super::registers() {
        let result = read_value(subject.machine, info);
        if info.row.access == Access::WriteOnly {
            if subject.presence(info.row) == Presence::Must {
                let expected = Expected::Refused(rule::INVALID);
                let what = (info, "KVM_GET_ONE_REG of a write-only register");
                section.access(subject.machine, what, expected, Outcome::of(&result));
            }
            continue;
        }
        match result {
            Ok(_) => present(subject, info, section),
            Err(error) => absent(subject, info, &error, section),
        }
    }
}

/// A register was read: unless it has no place in any list, one should have it.
fn present(subject: &Subject<'_>, info: &Info, section: &mut Section) {
    section.tally.read.insert(info.name.to_owned());
    let id = info.place.id(subject.machine.registers().host());
    let has_list = subject.lists.iter().any(|list| list.which == Listed::RegList);
    let should = info.row.listed == Listed::RegList && has_list;
    let against = match subject.presence(info.row) {
        // The list says so already.
        _ if subject.is_listed(id) => None,
        Presence::MustNot(_) if reads_absent(info, subject.release) => None,
        _ if should => Some("no list has it".to_owned()),
        Presence::MustNot(reason) => Some(format!("its row says {reason}")),
        _ => None,
    };
    match against {
        None => section.passed += 1,
        Some(reason) => section.fail(
            (info.name, id),
            format!("to be refused by KVM_GET_ONE_REG, for {reason}"),
            "it was read".to_owned(),
            CORRECT_ROW,
        ),
    }
}

/// A register was not read: that needs a reason, and an errno that the table explains.
fn absent(subject: &Subject<'_>, info: &Info, error: &Error, section: &mut Section) {
    let id = info.place.id(subject.machine.registers().host());
    let outcome = Outcome::of::<()>(&Err(*error));
    let must = info.row.listed == Listed::Never && subject.presence(info.row) == Presence::Must;
    if must || subject.is_listed(id) {
        return section.access(
            subject.machine,
            (info, "KVM_GET_ONE_REG"),
            Expected::Accepted,
            outcome,
        );
    }
    section.tally.absent.insert(info.name.to_owned());
    let is_explained = match outcome {
        Outcome::Refused(Errno(0)) | Outcome::Accepted | Outcome::Ignored => true,
        Outcome::Refused(Errno(errno)) => {
            !has_id(subject.machine, info)
                || Host::TABLE.errors.iter().any(|known| known.number == errno)
        }
    };
    if is_explained {
        section.passed += 1;
    } else {
        section.fail(
            (info.name, id),
            "an errno that `errors` of arch.yaml explains".to_owned(),
            format!("it was {outcome}"),
            CORRECT_ROW,
        );
    }
}
