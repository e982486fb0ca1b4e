//! No file can be opened any more but the KVM device, and no network be reached: Landlock, as far as the kernel has it.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, PathBeneath, PathFd, RestrictionStatus, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

use crate::failure::Failure;

/// The newest rules that are known; older kernels take those that they know.
const RULES: ABI = ABI::V10;

/// Closes the files of the host to the calling thread and to those that it starts.
///
/// A restart opens the KVM device again; in the folders of sockets, these are removed, and a guest reaches others.
pub(super) fn close(kvm: &Path, sockets: &[&Path]) -> Result<(), Failure> {
    let status = restrict(kvm, sockets).map_err(|error| {
        Failure::new(format!(
            "cannot close the host's files to the guest's threads (Landlock): {error}: `--landlock off` runs without that"
        ))
    })?;
    match status.ruleset {
        RulesetStatus::FullyEnforced => log::info!("files and networks of the host are closed"),
        RulesetStatus::PartiallyEnforced => {
            log::info!("files of the host are closed, as far as this kernel's Landlock does that");
        }
        RulesetStatus::NotEnforced => {
            log::info!("files of the host stay open: this kernel has no Landlock");
        }
    }
    Ok(())
}

/// Takes from the calling thread whatever it may open, and says how much of that the kernel did.
pub(super) fn restrict(kvm: &Path, sockets: &[&Path]) -> Result<RestrictionStatus, RulesetError> {
    let ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(RULES))?
        .handle_access(AccessNet::from_all(RULES))?
        .scope(Scope::from_all(RULES))?
        .create()?;
    let device = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
    let socket = AccessFs::ResolveUnix | AccessFs::RemoveFile;
    let allowed = sockets.iter().map(|folder| (*folder, socket)).chain([(kvm, device)]);
    // Who opens what is not there says so.
    let open = allowed.filter_map(|(path, access)| Some((PathFd::new(path).ok()?, access)));
    let rules = open.map(|(path, access)| Ok::<_, RulesetError>(PathBeneath::new(path, access)));
    ruleset.add_rules(rules)?.restrict_self()
}
