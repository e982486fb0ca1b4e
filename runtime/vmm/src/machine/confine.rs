//! What the threads of a machine can do to its host: the system calls of their kind, and no file but those that are open.

mod calls;
mod files;
#[cfg(test)]
mod tests;
mod violation;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule,
};

use self::calls::Argument;
pub(super) use self::calls::{Call, Role};
use crate::cli::{Landlock, Seccomp};
use crate::failure::Failure;

/// What becomes of a system call that is not of its thread's kind; without this, all are made.
static ACTION: OnceLock<SeccompAction> = OnceLock::new();

/// Has every thread that begins from now on, and enters its role, make the system calls of that role only.
pub(super) fn start(seccomp: Seccomp) -> Result<(), Failure> {
    let action = match seccomp {
        Seccomp::On => SeccompAction::Trap,
        Seccomp::Log => SeccompAction::Log,
        Seccomp::Off => return Ok(()),
    };
    violation::watch()?;
    ACTION.get_or_init(|| action);
    Ok(())
}

/// Confines the main thread, and with it those that it starts, when all files are open.
pub(super) fn close(kvm: &Path, sockets: &[&Path], landlock: Landlock) -> Result<(), Failure> {
    // The source of entropy of a static program is a file, which the first use opens for all.
    getrandom::fill(&mut [0])
        .map_err(|error| Failure::new(format!("the host has no entropy: {error}")))?;
    if landlock == Landlock::On {
        files::close(kvm, sockets)?;
    }
    enter(Role::Main);
    Ok(())
}

/// Confines the calling thread; where that fails, the program ends.
pub(super) fn enter(role: Role) {
    let Some(action) = ACTION.get() else { return };
    let entered = filter(role, action.clone())
        .map_err(seccompiler::Error::from)
        .and_then(|program| seccompiler::apply_filter(&program));
    if let Err(error) = entered {
        violation::end(format_args!(
            "cannot confine a thread to its system calls (seccomp): {error}: `--seccomp off` runs without that"
        ));
    }
}

fn filter(role: Role, action: SeccompAction) -> Result<BpfProgram, BackendError> {
    let lists = role.calls();
    let (plain, with_argument): (Vec<&Call>, Vec<_>) =
        lists.iter().copied().flatten().partition(|call| call.argument.is_none());
    let mut rules = BTreeMap::<_, Vec<SeccompRule>>::new();
    for call in with_argument {
        let conditions = call.argument.iter().map(condition).collect::<Result<_, _>>()?;
        rules.entry(call.number).or_default().push(SeccompRule::new(conditions)?);
    }
    // No rule is the rule that takes every argument.
    rules.extend(plain.iter().map(|call| (call.number, Vec::new())));
    let arch = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(rules, action, SeccompAction::Allow, arch)?.try_into()
}

fn condition(argument: &Argument) -> Result<SeccompCondition, BackendError> {
    let is = SeccompCmpOp::MaskedEq(argument.mask.into());
    SeccompCondition::new(argument.index, SeccompCmpArgLen::Dword, is, argument.value.into())
}
