//! What complete states cost: captured and restored, beside a bare loop that reads or writes one register after the other.
//!
//! Reading order: [`bare`] (the loop), [`work`] (what is done with a vCPU), [`mod@measure`] (how often, by how many threads),
//! [`report`] (what comes out). Times are only told; numbers of ioctls and allocations are checked.

mod bare;
mod measure;
mod report;
mod work;

use std::collections::BTreeSet;

use clap::Args;
use onereg::kvm::Kvm as System;
use onereg::{Arch, VcpuState};

pub(crate) use report::Report;

use crate::arch::{self, Configuration, Host, MEASURED};
use crate::failure::Failure;
use crate::machine;
use crate::system::{Kvm, Vcpu};
use measure::measure;
use report::Section;
use work::{Subject, Work};

/// How much is measured.
#[derive(Args)]
pub(crate) struct Options {
    /// How often everything is done, of which the shortest time counts.
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    times: u32,
    /// How many vCPUs of one VM are captured and restored at once, after a single one.
    #[arg(long, value_name = "COUNT", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    vcpus: u32,
}

/// Measures the configurations that are worth it and have `only` in their name.
pub(crate) fn check_host(
    kvm: &Kvm,
    (kernel, only): (String, &str),
    options: &Options,
) -> Result<Report, Failure> {
    let configurations = arch::configurations(kvm)?;
    let is_wanted =
        |known: &&Configuration| known.name.contains(only) && MEASURED.contains(&&*known.name);
    let mut sections = Vec::new();
    for configuration in configurations.iter().filter(is_wanted) {
        for vcpus in [1, options.vcpus] {
            sections.push(check(kvm, configuration, vcpus, options.times)?);
        }
    }
    Ok(Report { arch: Host::TABLE.name, kernel, times: options.times, sections })
}

/// Measures vCPUs of one VM, each on a thread of its own.
fn check(
    kvm: &Kvm,
    configuration: &Configuration,
    vcpus: u32,
    times: u32,
) -> Result<Section, Failure> {
    let machine = machine::create(kvm, configuration)?;
    let others = (1..vcpus).map(|index| arch::add(kvm, configuration, &machine.vm, index));
    let others: Vec<Vcpu> = others.collect::<Result<_, _>>()?;
    let listed = machine.registers().listed_ids(&System::over(kvm));
    let listed = listed.map_err(Failure::step("list the registers"))?;
    let all = [&machine.vcpu].into_iter().chain(&others);
    let subjects =
        all.enumerate().map(|(index, vcpu)| Subject::new(vcpu, listed.as_deref(), index));
    let mut subjects: Vec<Subject<'_>> = subjects.collect::<Result<_, _>>()?;
    let expected: usize = subjects.iter().map(|subject| fewest(subject.state())).sum();
    let figures = measure(times, &mut subjects)?;
    let mut section =
        Section { configuration: configuration.name.clone(), vcpus, figures, failed: Vec::new() };
    section.check(Work::Recapture, "ioctls", expected, |counts| counts.ioctls);
    section.check(Work::Recapture, "allocations", 0, |counts| counts.allocations);
    Ok(section)
}

/// Returns how many ioctls there must be at least to read a state: one per id, struct and block, but one for all MSRs.
fn fewest(state: &VcpuState) -> usize {
    /// Most MSRs that the kernel takes at once, less one.
    const MSRS: usize = 255;
    let ids = || state.registers().filter_map(|saved| saved.id());
    let msrs = ids().filter(|id| arch::msr(*id).is_some()).count();
    let structs: BTreeSet<&str> =
        state.registers().filter_map(|saved| saved.via()).map(|via| via.0).collect();
    let blocks = state.registers().filter(|saved| saved.is_block()).count();
    ids().count() - msrs + msrs.div_ceil(MSRS) + structs.len() + blocks
}
