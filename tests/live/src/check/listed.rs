//! Every id that the kernel lists has a row of that width, and every row that should be listed is.

use onereg::{Arch, Info, Listed, Registers};

use super::{CORRECT_ROW, Subject};
use crate::arch::Host;
use crate::machine::List;
use crate::presence::Presence;
use crate::report::{Section, Unknown};
use crate::row;

pub(super) fn check(subject: &Subject<'_>, section: &mut Section) {
    for list in &subject.lists {
        for id in &list.ids {
            known(subject, list, *id, section);
        }
        for info in super::registers().filter(|info| info.row.listed == list.which) {
            complete(subject, list, info, section);
        }
    }
}

/// Checks that a listed id has a row, and that nothing in the row speaks against it.
fn known(subject: &Subject<'_>, list: &List, id: u64, section: &mut Section) {
    let host = subject.machine.registers().host();
    let info = Host::TABLE.by_id(id).filter(|info| info.place.id(host) == Some(id));
    let Some(info) = info else {
        section.tally.listed.insert(format!("{id:#018x}"));
        let (group, row) = row::of(Host::TABLE, id, subject.release);
        return section.unknown(Unknown { group, id, row });
    };
    section.tally.listed.insert(info.name.to_owned());
    section.tally.known.insert(info.name.to_owned());
    let against = match Presence::of(info.row, &list.facts, subject.release) {
        _ if info.row.listed == Listed::Never => Some("`listed: never`".to_owned()),
        Presence::MustNot(reason) => Some(reason),
        Presence::Must | Presence::May => None,
    };
    match against {
        None => section.passed += 1,
        Some(reason) => section.fail(
            (info.name, Some(id)),
            format!("not to be listed by {}, for the row says {reason}", name(list.which)),
            "it is".to_owned(),
            CORRECT_ROW,
        ),
    }
}

/// Checks that a row which should be listed is.
fn complete(subject: &Subject<'_>, list: &List, info: &Info, section: &mut Section) {
    let Some(id) = info.place.id(subject.machine.registers().host()) else { return };
    if Presence::of(info.row, &list.facts, subject.release) != Presence::Must {
        return;
    }
    if list.ids.contains(&id) {
        section.passed += 1;
    } else {
        section.tally.missing.insert(info.name.to_owned());
        section.fail(
            (info.name, Some(id)),
            format!("to be listed by {}", name(list.which)),
            "it is not".to_owned(),
            "say in `since`, `until`, `requires` or `listed` when it is",
        );
    }
}

fn name(list: Listed) -> &'static str {
    match list {
        Listed::RegList => "KVM_GET_REG_LIST",
        Listed::MsrList => "KVM_GET_MSR_INDEX_LIST",
        Listed::FeatureList => "KVM_GET_MSR_FEATURE_INDEX_LIST",
        Listed::Never => "no ioctl",
    }
}
