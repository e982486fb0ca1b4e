//! Debian packages that tests and steps need on this machine: found by a file of each, installed where that is allowed.

use std::path::Path;
use std::process::Command;

use crate::apt::install;
use crate::command::run;
use crate::folder;

/// A package, and a file that is there when it is installed.
pub type Package = (&'static str, &'static str);

/// Lists those of `packages` that are not installed.
pub fn missing(packages: &[Package]) -> Vec<&'static str> {
    let missing = packages.iter().filter(|(_, file)| !Path::new(file).exists());
    missing.map(|(package, _)| *package).collect()
}

/// Installs the packages that are `missing`, from `suite` where one is given.
///
/// # Errors
///
/// Says which command does it, where this user may not, or installing is not `allowed`.
pub fn provide(missing: &[&str], suite: Option<&str>, allowed: bool) -> Result<(), String> {
    if missing.is_empty() {
        return Ok(());
    }
    let root = run(Command::new("id").arg("-u"))?.trim() == "0";
    if !(root && allowed) {
        let from = suite.map(|suite| format!(" --target-release={suite}")).unwrap_or_default();
        let names = missing.join(" ");
        let command = format!("apt-get install --no-install-recommends{from} {names}");
        return Err(format!("missing packages; as root, run `{command}`"));
    }
    let state = folder::cache(&format!("apt-{}", std::process::id()))?;
    install(missing, suite, &state)
}
