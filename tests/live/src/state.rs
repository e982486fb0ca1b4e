//! Complete state, carried to a vCPU of another process: filled, captured, restored, captured again, compared.
//!
//! Reading order: [`fill`] (what the vCPU holds), [`carry`] (the way there and back), [`restore`] (the other process),
//! [`report`] (what comes out). What a restore does is the library's, and what may differ afterwards the tables'. Where the
//! vCPU can run the [`guest`](crate::guest), it goes on from such a state in both processes, and has to see it.

mod carry;
mod fill;
pub(crate) mod judge;
mod report;
pub(crate) mod restore;
pub(crate) mod save;
mod shuffled;

use std::path::Path;

use clap::Args;
use onereg::kvm::Kvm as System;
use onereg::{Arch, Capture, Difference, Info, Present, StateFile, Unknown, VcpuState};

pub(crate) use report::Report;

use crate::arch::{self, Configuration, Host};
use crate::failure::Failure;
use crate::guest::{Program, Seen};
use crate::machine::{self, Machine};
use crate::random::Random;
use crate::system::Kvm;
use carry::{Carried, Carrier};
use report::{Finding, Section};

/// What a round trip is to be.
#[derive(Args)]
pub(crate) struct Options {
    /// Where the values come from: the same number gives the same ones.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// How many more restores write the registers of a phase in another order.
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    orders: u64,
    /// Registers that the restores leave out, which is to be found.
    #[arg(long, hide = true, value_name = "REGISTER")]
    lose: Vec<String>,
}

/// Carries the state of a vCPU of every configuration with `only` in its name; without one, of all that differ in kind.
pub(crate) fn check_host(
    kvm: &Kvm,
    path: &Path,
    (kernel, only): (String, &str),
    options: &Options,
) -> Result<Report, Failure> {
    let configurations = arch::configurations(kvm)?;
    let is_wanted = |known: &&Configuration| match only {
        "" => !arch::is_one_of_many(known),
        only => known.name.contains(only),
    };
    let wanted = configurations.iter().filter(is_wanted);
    let trip = Trip { kvm, path, kernel: &kernel };
    let sections = wanted.map(|configuration| {
        let mut section = Section { name: configuration.name.clone(), ..Section::default() };
        if let Err(failure) = check(&trip, configuration, options, &mut section) {
            section.findings.push(Finding::of_step(failure.to_string()));
        }
        section
    });
    let table = Host::TABLE;
    let sections = sections.collect();
    Ok(Report { arch: table.name, table: table.kernel, sections, kernel })
}

/// Where states come from.
struct Trip<'a> {
    kvm: &'a Kvm,
    path: &'a Path,
    kernel: &'a str,
}

impl Trip<'_> {
    /// Makes a file of a state, and reads the state from it.
    fn save(&self, state: VcpuState) -> Result<(Vec<u8>, VcpuState), Failure> {
        let bytes = StateFile { vcpus: vec![state.on_kernel(self.kernel)] }.to_bytes();
        let file = StateFile::from_bytes(&bytes)
            .map_err(|error| Failure::new(format!("the file of the state is none: {error}")))?;
        let state = file.vcpus.into_iter().next();
        Ok((bytes, state.ok_or_else(|| Failure::new("the file has no vCPU"))?))
    }
}

/// Carries the state of one vCPU, and of one whose guest goes on, where it can run the guest.
fn check(
    trip: &Trip<'_>,
    configuration: &Configuration,
    options: &Options,
    section: &mut Section,
) -> Result<(), Failure> {
    check_state(trip, configuration, options, section)?;
    if !arch::runs_guest(configuration) {
        return Ok(());
    }
    check_guest(trip, configuration, options, section)
}

/// Fills every register, and carries the state as often as there are orders.
fn check_state(
    trip: &Trip<'_>,
    configuration: &Configuration,
    options: &Options,
    section: &mut Section,
) -> Result<(), Failure> {
    let machine = machine::create(trip.kvm, configuration)?;
    let can_fill = |info: &Info| arch::can_fill(configuration, info);
    let filled = fill::fill(&machine, &mut Random::new(options.seed), can_fill);
    (section.filled, section.kept) = (filled.taken, filled.kept);
    let (file, state) = trip.save(capture(trip.kvm, &machine)?)?;
    section.captured = state.registers().len();
    let carrier = Carrier::new(&file, trip.path, &configuration.name)?;
    for order in 0..=options.orders {
        let Carried { state: found, written, same, .. } =
            carrier.carry(order, false, &options.lose)?;
        (section.written, section.same) = (written, same);
        section.findings.extend(differences(&state, &found, order));
    }
    Ok(())
}

/// Fills every register that the guest can look at, lets it run until it is ready, and carries the state as often as there
/// are orders. The guest goes on here and there, and looks.
fn check_guest(
    trip: &Trip<'_>,
    configuration: &Configuration,
    options: &Options,
    section: &mut Section,
) -> Result<(), Failure> {
    let mut machine = machine::create(trip.kvm, configuration)?;
    let guest = Program::of(&capture(trip.kvm, &machine)?)?;
    guest.load(&mut machine)?;
    let is_seen = |info: &Info| guest.registers().contains(&info.name);
    guest.place(&machine)?;
    fill::fill(&machine, &mut Random::new(options.seed), is_seen);
    guest.place(&machine)?;
    guest.begin(&machine)?;
    let (file, state) = trip.save(capture(trip.kvm, &machine)?)?;
    section.guest = guest.registers().len();
    let seen = guest.go_on(&machine, &state)?;
    section.findings.extend(seen_differences(&guest, &state, &seen, None));
    let carrier = Carrier::new(&file, trip.path, &configuration.name)?;
    for order in 0..=options.orders {
        let Carried { state: found, seen, .. } = carrier.carry(order, true, &options.lose)?;
        let differences = differences(&state, &found, order);
        let settled = differences.into_iter().filter(|finding| Program::settles(&finding.subject));
        section.findings.extend(settled);
        section.findings.extend(seen_differences(&guest, &state, &seen, Some(order)));
    }
    Ok(())
}

/// Lists what differs between a state and what arrived, and should not.
fn differences(state: &VcpuState, found: &VcpuState, order: u64) -> Vec<Finding> {
    let differences = state.differences(found);
    let differences = differences.iter().filter(|difference| !difference.may_differ());
    let finding = |difference: &Difference| Finding {
        order: Some(order),
        subject: difference.name().to_owned(),
        id: difference.id(),
        text: difference.to_string(),
    };
    differences.map(finding).collect()
}

/// Lists what differs between a state and what a guest saw.
fn seen_differences(
    guest: &Program,
    state: &VcpuState,
    seen: &Seen,
    order: Option<u64>,
) -> Vec<Finding> {
    let differences = guest.differences(state, seen).into_iter();
    differences.map(|(subject, text)| Finding { order, subject, id: None, text }).collect()
}

/// Captures the state of a vCPU: what the kernel lists, and what no list has.
fn capture(kvm: &Kvm, machine: &Machine) -> Result<VcpuState, Failure> {
    let registers = machine.registers();
    let ids = registers.listed_ids(&System::over(kvm));
    let ids = ids.map_err(Failure::step("list the registers"))?;
    let present = ids.as_deref().map_or(Present::Table, Present::Listed);
    match VcpuState::capture(&registers, present, Unknown::Refuse) {
        Ok(Capture { state, .. }) => Ok(state),
        Err(error) => Err(Failure::new(format!("cannot capture a vCPU: {error}"))),
    }
}
