//! Complete state, carried to a vCPU of another process: filled, captured, restored, captured again, compared.
//!
//! Reading order: [`fill`] (what the vCPU holds), [`carry`] (the way there and back), [`restore`] (the other process),
//! [`report`] (what comes out). What a restore does is the library's, and what may differ afterwards the tables'.

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
use onereg::{Arch, Capture, Difference, Present, StateFile, Unknown, VcpuState};

pub(crate) use report::Report;

use crate::arch::{self, Configuration, Host};
use crate::failure::Failure;
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
    let sections = wanted.map(|configuration| {
        let mut section = Section { name: configuration.name.clone(), ..Section::default() };
        if let Err(failure) = check((kvm, path), &kernel, configuration, options, &mut section) {
            section.findings.push(Finding::of_step(failure.to_string()));
        }
        section
    });
    let table = Host::TABLE;
    Ok(Report { arch: table.name, table: table.kernel, sections: sections.collect(), kernel })
}

/// Carries the state of one vCPU as often as there are orders.
fn check(
    (kvm, path): (&Kvm, &Path),
    kernel: &str,
    configuration: &Configuration,
    options: &Options,
    section: &mut Section,
) -> Result<(), Failure> {
    let machine = machine::create(kvm, configuration)?;
    let filled = fill::fill(&machine, &mut Random::new(options.seed));
    (section.filled, section.kept) = (filled.taken, filled.kept);
    let state = capture(kvm, &machine)?.on_kernel(kernel);
    section.captured = state.registers().len();
    let file = StateFile { vcpus: vec![state] }.to_bytes();
    let state = StateFile::from_bytes(&file)
        .map_err(|error| Failure::new(format!("the file of the state is none: {error}")))?;
    let state = state.vcpus.first().ok_or_else(|| Failure::new("the file has no vCPU"))?;
    let carrier = Carrier::new(&file, path, &configuration.name)?;
    for order in 0..=options.orders {
        let Carried { state: found, written, same } = carrier.carry(order)?;
        (section.written, section.same) = (written, same);
        let differences = state.differences(&found);
        let differences = differences.iter().filter(|difference| !difference.may_differ());
        section.findings.extend(differences.map(|difference| finding(difference, order)));
    }
    Ok(())
}

fn finding(difference: &Difference, order: u64) -> Finding {
    Finding {
        order: Some(order),
        subject: difference.name().to_owned(),
        id: difference.id(),
        text: difference.to_string(),
    }
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
