//! A file for other hosts: what a fresh vCPU holds, and what a filled one does.

use std::io::{self, Write};

use onereg::{Info, StateFile};

use super::capture;
use super::fill;
use super::restore::configuration;
use crate::arch;
use crate::failure::Failure;
use crate::machine;
use crate::random::Random;
use crate::system::Kvm;

/// Seed of the values.
const SEED: u64 = 1;

/// Writes the file to stdout.
pub(crate) fn run(kvm: &Kvm, kernel: &str) -> Result<(), Failure> {
    let configuration = configuration(kvm, arch::PROBED)?;
    let fresh = capture(kvm, &machine::create(kvm, &configuration)?)?;
    let machine = machine::create(kvm, &configuration)?;
    let can_fill = |info: &Info| arch::can_fill(&configuration, info);
    fill::fill(&machine, &mut Random::new(SEED), can_fill);
    let vcpus = [fresh, capture(kvm, &machine)?].map(|state| state.on_kernel(kernel));
    let file = StateFile { vcpus: vcpus.into() }.to_bytes();
    let mut out = io::stdout().lock();
    let written = out.write_all(&file).and_then(|()| out.flush());
    written.map_err(Failure::step("write the states"))
}
