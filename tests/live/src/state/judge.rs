//! States of other hosts on this one: what the check says of each, and what happens when it is restored.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use onereg::kvm::Kvm as System;
use onereg::{
    Arch, Class, Concern, Difference, HostProfile, Info, Present, Refusal, RestoreError,
    RestoreOptions, Unknown, VcpuState, Verdict, WriteRule,
};

use super::restore::{configuration, into_fresh, read};
use crate::arch::{self, Configuration, Host};
use crate::failure::Failure;
use crate::machine;
use crate::system::Kvm;

/// What is to be judged.
#[derive(Args)]
pub(crate) struct Options {
    /// Files of `onereg-live save`.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// What the vCPUs of such a file are.
const VCPUS: [&str; 2] = ["fresh", "filled"];

/// Prints what the check says of each state, and returns whether that is what happens.
pub(crate) fn run(kvm: &Kvm, kernel: &str, options: &Options) -> Result<bool, Failure> {
    let configuration = configuration(kvm, arch::PROBED)?;
    let host = profile(kvm, kernel, &configuration)?;
    let mut out = io::stdout().lock();
    let mut agree = true;
    for path in &options.files {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        for (state, vcpu) in read(path)?.vcpus.iter().zip(VCPUS) {
            let said = Said::of(&state.check(&host));
            let happened = try_out(kvm, &configuration, state)?;
            let lies = said.lies(&happened);
            agree &= lies.is_empty();
            let lies = lies.into_iter().map(|lie| format!("FAILED: {name} {vcpu}: {lie}\n"));
            let text = format!("{name} {vcpu}: {said}{}", lies.collect::<String>());
            out.write_all(text.as_bytes()).map_err(Failure::step("write the verdicts"))?;
        }
    }
    Ok(agree)
}

/// Describes this host as `onereg-vmm probe` does: by all that can be read of a vCPU, listed or not.
fn profile(kvm: &Kvm, kernel: &str, configuration: &Configuration) -> Result<HostProfile, Failure> {
    let machine = machine::create(kvm, configuration)?;
    let vcpu = machine.registers();
    let capture = VcpuState::capture(&vcpu, Present::Table, Unknown::Refuse);
    let capture =
        capture.map_err(|error| Failure::new(format!("cannot describe this host: {error}")))?;
    let mut profile = HostProfile::new(kernel);
    for saved in capture.state.registers().filter(|saved| !saved.is_block()) {
        profile.add(saved.name(), saved.id(), Some(saved.value().to_vec()));
        let tried = saved.info().filter(|info| info.row.write == WriteRule::VcpuBits);
        if let Some(mask) = tried.and_then(|info| onereg::writable_bits(&vcpu, info).ok()) {
            profile.add_writable(saved.name(), mask);
        }
    }
    let masks = System::over(&machine.vm).writable_masks();
    let masks = masks.map_err(Failure::step("ask which bits can be written"))?;
    for (info, mask) in masks.into_iter().flatten() {
        profile.add_writable(info.name, mask.to_ne_bytes().to_vec());
    }
    Ok(profile)
}

/// What the check says.
struct Said {
    verdict: Verdict,
    blocked: BTreeSet<String>,
    drop: BTreeSet<String>,
}

/// What happens.
#[derive(Default)]
struct Happened {
    /// Registers that are refused, phase by phase: each phase is tried without those that earlier ones refused.
    refused: Vec<(String, Option<&'static Info>)>,
    /// Why nothing can be restored, whatever is left out.
    stopped: Option<RestoreError>,
    /// What has another value once everything that is refused is left out.
    differing: Vec<Difference>,
}

/// Restores a state into a fresh vCPU, without what was refused before, until nothing is.
fn try_out(
    kvm: &Kvm,
    configuration: &Configuration,
    state: &VcpuState,
) -> Result<Happened, Failure> {
    let mut happened = Happened::default();
    loop {
        let machine = arch::create(kvm, configuration)?;
        let dropped = happened.refused.iter().map(|(name, _)| name.clone()).collect();
        let options = RestoreOptions { dropped, ..RestoreOptions::default() };
        let restored = into_fresh((&machine, configuration), state, &options, 0)?;
        let Err(error) = restored else {
            let found = state.verify(&machine.registers());
            let found = found.map_err(|error| Failure::new(format!("cannot compare: {error}")))?;
            let is_tried =
                |found: &Difference| !options.dropped.iter().any(|name| name == found.name());
            let found = found.into_iter().filter(is_tried);
            happened.differing = found.filter(|found| matters(state, found)).collect();
            return Ok(happened);
        };
        let names = error.refusals().iter().filter_map(Refusal::name);
        let new: Vec<_> = names
            .filter(|name| !options.dropped.iter().any(|known| known == name))
            .map(|name| (name.to_owned(), state.register(name).and_then(|saved| saved.info())))
            .collect();
        if new.is_empty() {
            happened.stopped = Some(error);
            return Ok(happened);
        }
        happened.refused.extend(new);
    }
}

/// Whether a difference says that the register did not arrive: not of one that follows from others, which differ then
/// too, and not of a block, which the check does not judge.
fn matters(state: &VcpuState, found: &Difference) -> bool {
    let is_block = state.register(found.name()).is_some_and(|saved| saved.is_block());
    !is_block && !found.may_differ() && found.class() != Class::Derived
}

impl Said {
    fn of(concerns: &[Concern]) -> Said {
        let named = |verdict| {
            let concerns = concerns.iter().filter(move |concern| concern.verdict == verdict);
            concerns.map(|concern| concern.difference.name().to_owned()).collect()
        };
        let verdict = concerns.iter().map(|concern| concern.verdict).max();
        Said {
            verdict: verdict.unwrap_or(Verdict::Restorable),
            blocked: named(Verdict::Blocked),
            drop: named(Verdict::WhenDropped),
        }
    }

    /// Returns everything that the check says and that does not happen, or the other way round.
    ///
    /// A state that is blocked may have more refused than is named, where the table says of no value that it is: what such
    /// a register takes can depend on others, which are refused too.
    fn lies(&self, happened: &Happened) -> Vec<String> {
        let mut lies = Vec::new();
        let is_blocked = self.verdict == Verdict::Blocked;
        let is_named = |name: &str| self.blocked.contains(name) || self.drop.contains(name);
        if let Some(error) = happened.stopped.as_ref().filter(|_| !is_blocked) {
            lies.push(error.to_string());
        }
        for (name, info) in &happened.refused {
            // A block is refused for what other registers say.
            let is_block = Host::TABLE.carriers.iter().any(|carrier| carrier.name == name);
            let takes_any = is_block || info.is_some_and(|info| info.row.write == WriteRule::Any);
            let may_follow = is_blocked && takes_any;
            if !is_named(name) && !may_follow {
                lies.push(format!("{name} is refused"));
            }
        }
        if !is_blocked {
            lies.extend(happened.differing.iter().map(ToString::to_string));
        }
        let arrives = |name: &&String| {
            !happened.refused.iter().any(|(refused, _)| refused == *name)
                && !happened.differing.iter().any(|found| found.name() == **name)
        };
        if happened.stopped.is_none() {
            let named = self.blocked.iter().chain(&self.drop);
            lies.extend(named.filter(arrives).map(|name| format!("{name} is taken")));
        }
        lies
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.verdict.name())?;
        for (what, names) in [("blocked", &self.blocked), ("drop", &self.drop)] {
            if !names.is_empty() {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                writeln!(f, "  {what}: {}", names.join(" "))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::Host;
    use onereg::Arch;

    /// What is untrue of a verdict with these registers, where those are refused.
    fn lies(verdict: Verdict, named: &[&str], refused: &[&str]) -> Vec<String> {
        let mut said = Said { verdict, blocked: BTreeSet::new(), drop: BTreeSet::new() };
        let names = named.iter().map(|name| (*name).to_owned());
        match verdict {
            Verdict::Blocked => said.blocked.extend(names),
            _ => said.drop.extend(names),
        }
        let refused = refused.iter().map(|name| ((*name).to_owned(), Host::TABLE.by_name(name)));
        said.lies(&Happened { refused: refused.collect(), ..Happened::default() })
    }

    #[test]
    fn a_verdict_holds_where_what_it_names_is_what_is_refused() {
        assert!(lies(Verdict::Restorable, &[], &[]).is_empty());
        assert!(lies(Verdict::WhenDropped, &["A", "B"], &["B", "A"]).is_empty());
        assert!(lies(Verdict::Blocked, &["A"], &["A"]).is_empty());
    }

    #[test]
    fn what_is_refused_without_a_word_and_what_is_taken_after_all_are_lies() {
        assert_eq!(lies(Verdict::Restorable, &[], &["A"]), ["A is refused"]);
        assert_eq!(lies(Verdict::WhenDropped, &["A"], &["A", "B"]), ["B is refused"]);
        assert_eq!(lies(Verdict::WhenDropped, &["A", "B"], &["A"]), ["B is taken"]);
        assert_eq!(lies(Verdict::Blocked, &["A"], &[]), ["A is taken"]);
    }

    #[test]
    fn only_where_a_state_is_blocked_may_more_be_refused_and_only_what_takes_any_value() {
        let registers = || Host::TABLE.registers.iter();
        let any = registers().find(|info| info.row.write == WriteRule::Any).unwrap().name;
        assert!(lies(Verdict::Blocked, &["A"], &["A", any]).is_empty());
        assert_eq!(lies(Verdict::WhenDropped, &["A"], &["A", any]).len(), 1);
        assert_eq!(lies(Verdict::Blocked, &["A"], &["A", "B"]), ["B is refused"]);
    }
}
