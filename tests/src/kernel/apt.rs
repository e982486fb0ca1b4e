//! apt-get with its own source list and state: downloads Debian packages without touching the machine's.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::command::run;

/// The Debian suite that the packages come from.
pub(super) const SUITE: &str = "trixie-backports";

/// Debian's keys: they sign the suite, wherever it is mirrored.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Downloads `packages` (`NAME=VERSION`) into the folder `to`, from the first of the machine's mirrors that has them.
///
/// # Errors
///
/// Says what failed, for every mirror.
pub(super) fn download(packages: &[String], to: &Path) -> Result<(), String> {
    if !Path::new(KEYRING).exists() {
        return Err(format!("{KEYRING} is missing: install the package debian-archive-keyring"));
    }
    let mut errors = Vec::new();
    for mirror in mirrors()? {
        match download_from(&mirror, packages, to) {
            Ok(()) => return Ok(()),
            Err(error) => errors.push(error),
        }
    }
    errors.push("no mirror of apt's configuration has them".to_owned());
    Err(errors.join("\n"))
}

/// Lists the sites that the machine's apt uses, in its order.
fn mirrors() -> Result<Vec<String>, String> {
    let mut apt = Command::new("apt-get");
    apt.args(["indextargets", "--no-release-info", "--format", "$(SITE)", "Created-By: Packages"]);
    let mut sites: Vec<String> = Vec::new();
    for site in run(&mut apt)?.lines() {
        let web = site.starts_with("http://") || site.starts_with("https://");
        if web && !sites.iter().any(|known| known == site) {
            sites.push(site.to_owned());
        }
    }
    Ok(sites)
}

fn download_from(mirror: &str, packages: &[String], to: &Path) -> Result<(), String> {
    let state = to.with_extension("apt");
    fs::create_dir_all(state.join("lists/partial"))
        .and_then(|()| fs::write(state.join("suite.sources"), sources(mirror)))
        .and_then(|()| fs::write(state.join("apt.conf"), configuration(&state)))
        .map_err(|error| format!("cannot write {}: {error}", state.display()))?;
    let apt = || {
        let mut apt = Command::new("apt-get");
        apt.env("APT_CONFIG", state.join("apt.conf")).current_dir(to).arg("--quiet");
        apt
    };
    let updated = run(apt().args(["--error-on=any", "update"]));
    let downloaded = updated.and_then(|_| run(apt().arg("download").args(packages)));
    let removed = fs::remove_dir_all(&state)
        .map_err(|error| format!("cannot remove {}: {error}", state.display()));
    downloaded.map(drop).and(removed)
}

fn sources(mirror: &str) -> String {
    format!(
        "Types: deb\nURIs: {mirror}\nSuites: {SUITE}\nComponents: main\nTargets: Packages\nSigned-By: {KEYRING}\n"
    )
}

fn configuration(state: &Path) -> String {
    let state = state.display();
    format!(
        "Dir::Etc::sourcelist \"{state}/suite.sources\";\n\
         Dir::Etc::sourceparts \"-\";\n\
         Dir::State::lists \"{state}/lists\";\n\
         Dir::State::status \"/dev/null\";\n\
         Dir::Cache \"{state}/cache\";\n\
         APT::Sandbox::User \"root\";\n"
    )
}
