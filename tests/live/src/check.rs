//! What is checked of one configuration: one file a check.

mod after_run;
mod listed;
pub(crate) mod orders;
mod other_values;
mod read;
mod rule;
mod written_back;

use onereg::{Arch, Info, Registers, Row};

use crate::arch::{self, Configuration, Host};
use crate::errno::{Expected, Outcome};
use crate::facts::Facts;
use crate::failure::Failure;
use crate::machine::{self, List, Machine, read_value};
use crate::presence::Presence;
use crate::release::Release;
use crate::report::{Finding, Section, Unknown};
use crate::system::Kvm;

const CORRECT_ROW: &str = "correct the row, then `cargo onereg check`";

/// Checks one configuration; that it cannot be set up although the host offers it is a finding, too.
pub(crate) fn configuration(kvm: &Kvm, configuration: &Configuration, release: Release) -> Section {
    let mut section = Section { name: configuration.name.clone(), ..Section::default() };
    if let Err(failure) = check(kvm, configuration, release, &mut section) {
        section.fail(
            ("configuration", None),
            "to be set up, as the host offers it".to_owned(),
            failure.to_string(),
            "see which capability says that the host has it",
        );
    }
    section
}

/// Checks one configuration, with fresh VMs where a check changes what the next one looks at.
fn check(
    kvm: &Kvm,
    configuration: &Configuration,
    release: Release,
    section: &mut Section,
) -> Result<(), Failure> {
    let machine = machine::create(kvm, configuration)?;
    let subject = Subject::of(kvm, configuration, &machine, release)?;
    listed::check(&subject, section);
    read::check(&subject, section);
    written_back::check(&subject, section);
    let before = other_values::check(&subject, &machine::create(kvm, configuration)?, section);
    after_run::check(&subject, &machine::create(kvm, configuration)?, &before, section);
    orders::check(kvm, configuration, section)?;
    Ok(())
}

/// A configuration to look at: its vCPU, what the kernel lists of it, what is known of it.
struct Subject<'a> {
    machine: &'a Machine,
    lists: Vec<List>,
    facts: Facts,
    release: Release,
}

impl<'a> Subject<'a> {
    fn of(
        kvm: &Kvm,
        configuration: &Configuration,
        machine: &'a Machine,
        release: Release,
    ) -> Result<Subject<'a>, Failure> {
        let facts = arch::facts(kvm, configuration, machine);
        let lists = arch::lists(kvm, machine, &facts)?;
        Ok(Subject { machine, lists, facts, release })
    }

    fn presence(&self, row: &Row) -> Presence {
        Presence::of(row, &self.facts, self.release)
    }

    fn is_listed(&self, id: Option<u64>) -> bool {
        id.is_some_and(|id| self.lists.iter().any(|list| list.ids.contains(&id)))
    }
}

impl Section {
    /// Records whether an access to a register went as expected.
    fn access(
        &mut self,
        machine: &Machine,
        (info, what): (&Info, &str),
        expected: Expected,
        outcome: Outcome,
    ) {
        let is_refused = matches!(expected, Expected::Refused(_)) && expected.is(outcome);
        if is_refused {
            self.tally.refused.insert(info.name.to_owned());
        }
        let id = info.place.id(machine.registers().host());
        self.expect((info.name, id), what, expected, outcome);
    }

    /// Records whether a call went as expected.
    fn expect(
        &mut self,
        (subject, id): (&str, Option<u64>),
        what: &str,
        expected: Expected,
        outcome: Outcome,
    ) {
        if expected.is(outcome) {
            self.passed += 1;
        } else {
            self.fail(
                (subject, id),
                format!("{what}: {expected}"),
                format!("it was {outcome}"),
                CORRECT_ROW,
            );
        }
    }

    /// Records a check that failed.
    fn fail(
        &mut self,
        (subject, id): (&str, Option<u64>),
        expected: String,
        happened: String,
        remedy: &'static str,
    ) {
        let subject = subject.to_owned();
        self.findings.push(Finding { subject, id, expected, happened, remedy });
    }

    /// Records a register that no table has.
    fn unknown(&mut self, unknown: Unknown) {
        self.tally.unknown.insert(format!("{:#018x}", unknown.id));
        self.unknown.push(unknown);
    }
}

/// Writes the bytes of a register.
fn write_value(machine: &Machine, info: &Info, value: &[u8]) -> Outcome {
    Outcome::of(&machine.registers().write_bytes(info.place, value))
}

/// Whether a register crosses by an id of its own, not in the struct of another ioctl.
fn has_id(machine: &Machine, info: &Info) -> bool {
    info.place.id(machine.registers().host()).is_some()
}

/// Registers of the table.
fn registers() -> impl Iterator<Item = &'static Info> {
    Host::TABLE.registers.iter()
}
