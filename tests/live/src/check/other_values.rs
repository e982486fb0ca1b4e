//! Before the first run: registers that take only their own value refuse another one.

use std::collections::BTreeMap;

use onereg::{Arch, Info, WriteRule};

use super::{Subject, read_value, rule, write_value};
use crate::arch::Host;
use crate::errno::Outcome;
use crate::machine::Machine;
use crate::report::Section;

/// What became of another value, by name of the register.
pub(super) type Outcomes = BTreeMap<&'static str, Outcome>;

/// Tries another value on every register whose row has a rule for it.
pub(super) fn check(subject: &Subject<'_>, machine: &Machine, section: &mut Section) -> Outcomes {
    let mut outcomes = Outcomes::new();
    for info in super::registers() {
        let write = rule::of(info.row, subject.release);
        if write == WriteRule::Any {
            continue;
        }
        let Some(outcome) = write_other(machine, info) else { continue };
        outcomes.insert(info.name, outcome);
        if let Some(expected) = rule::of_other(write, None, Host::TABLE) {
            section.access(machine, (info, "a write of another value"), expected, outcome);
        }
    }
    outcomes
}

/// Writes the present value with its lowest bit flipped; `None` where the register is not there.
pub(super) fn write_other(machine: &Machine, info: &Info) -> Option<Outcome> {
    let mut value = read_value(machine, info).ok()?;
    let lowest = if cfg!(target_endian = "little") { 0 } else { value.len().checked_sub(1)? };
    *value.get_mut(lowest)? ^= 1;
    Some(write_value(machine, info, &value))
}
