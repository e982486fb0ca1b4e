//! apt with its own source lists and state: finds and downloads Debian packages without touching the machine's, and
//! installs those that tests need.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::command::run;
use crate::folder::{fresh, remove};

/// Debian's keys: they sign every suite, wherever it is mirrored.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// A suite of Debian, for one architecture.
#[derive(Clone, Copy)]
pub struct Suite<'a> {
    /// Its name, such as `trixie-backports`.
    pub name: &'a str,
    /// Debian's name of the architecture; the machine's where there is none.
    pub architecture: Option<&'a str>,
}

/// What a suite has at one mirror.
pub struct Index<'a> {
    state: &'a Path,
}

impl Suite<'_> {
    /// Downloads the packages that `choose` names (`NAME` or `NAME=VERSION`) into the folder `to`, from the first of
    /// the machine's mirrors that has them.
    ///
    /// # Errors
    ///
    /// Says what failed, for every mirror.
    pub fn download(
        &self,
        to: &Path,
        mut choose: impl FnMut(&Index<'_>) -> Result<Vec<String>, String>,
    ) -> Result<(), String> {
        let mut errors = Vec::new();
        for mirror in mirrors()? {
            match self.download_from(&mirror, to, &mut choose) {
                Ok(()) => return Ok(()),
                Err(error) => errors.push(error),
            }
        }
        errors.push("no mirror of apt's configuration has them".to_owned());
        Err(errors.join("\n"))
    }

    fn download_from(
        &self,
        mirror: &str,
        to: &Path,
        choose: impl FnOnce(&Index<'_>) -> Result<Vec<String>, String>,
    ) -> Result<(), String> {
        let state = to.with_extension("apt");
        fresh(&state.join("lists/partial"))?;
        write(&state.join("suite.sources"), &self.sources(mirror))?;
        write(&state.join("apt.conf"), &self.configuration(&state))?;
        let index = Index { state: &state };
        let updated = run(index.apt("apt-get").args(["--quiet", "--error-on=any", "update"]));
        let downloaded = updated.and_then(|_| choose(&index)).and_then(|packages| {
            let mut apt = index.apt("apt-get");
            run(apt.current_dir(to).args(["--quiet", "download"]).args(packages))
        });
        let removed = remove(&state);
        downloaded.map(drop).and(removed)
    }

    fn sources(&self, mirror: &str) -> String {
        let architecture =
            self.architecture.map(|name| format!("Architectures: {name}\n")).unwrap_or_default();
        format!(
            "Types: deb\nURIs: {mirror}\nSuites: {}\nComponents: main\nTargets: Packages\n\
             Signed-By: {KEYRING}\n{architecture}",
            self.name
        )
    }

    /// Configures an apt of its own. A mirror may lag behind: what it has is signed all the same.
    fn configuration(&self, state: &Path) -> String {
        let state = state.display();
        let architecture = self.architecture.map(|name| {
            format!("APT::Architecture \"{name}\";\nAPT::Architectures {{ \"{name}\"; }};\n")
        });
        format!(
            "Dir::Etc::sourcelist \"{state}/suite.sources\";\n\
             Dir::Etc::sourceparts \"-\";\n\
             Dir::State::lists \"{state}/lists\";\n\
             Dir::State::status \"/dev/null\";\n\
             Dir::Cache \"{state}/cache\";\n\
             Acquire::Check-Valid-Until \"false\";\n\
             Acquire::Retries \"3\";\n\
             APT::Sandbox::User \"root\";\n{}",
            architecture.unwrap_or_default()
        )
    }
}

impl Index<'_> {
    /// Lists the names of the packages that begin with `prefix`.
    ///
    /// # Errors
    ///
    /// Says what apt said.
    pub fn names(&self, prefix: &str) -> Result<Vec<String>, String> {
        let names = run(self.apt("apt-cache").args(["pkgnames", prefix]))?;
        Ok(names.lines().map(str::to_owned).collect())
    }

    /// Lists a package and those that it needs, as a system without any would install them.
    ///
    /// # Errors
    ///
    /// Says what apt said.
    pub fn with_needs(&self, package: &str) -> Result<Vec<String>, String> {
        let mut apt = self.apt("apt-get");
        let plan = run(apt.args(["--simulate", "--no-install-recommends", "install", package]))?;
        let names = plan.lines().filter_map(|line| line.strip_prefix("Inst ")?.split(' ').next());
        Ok(names.map(str::to_owned).collect())
    }

    fn apt(&self, program: &str) -> Command {
        let mut apt = Command::new(program);
        apt.env("APT_CONFIG", self.state.join("apt.conf"));
        apt
    }
}

/// Installs `packages`, as root; from `suite`, which the machine's own lists need not have, where one is given.
///
/// Indices and archives stay in the folder `state`, which is removed: another apt that cleans up meanwhile removes
/// nothing of this one.
///
/// # Errors
///
/// Says what apt said.
pub fn install(packages: &[&str], suite: Option<&str>, state: &Path) -> Result<(), String> {
    fresh(&state.join("lists/partial"))?;
    fresh(&state.join("cache/archives/partial"))?;
    fresh(&state.join("sources"))?;
    let apt = || {
        let mut apt = Command::new("apt-get");
        let folder = |key: &str, name: &str| format!("{key}={}", state.join(name).display());
        apt.env("DEBIAN_FRONTEND", "noninteractive").arg("--quiet");
        apt.args(["-o", "DPkg::Lock::Timeout=600", "-o", &folder("Dir::State::lists", "lists")]);
        apt.args(["-o", &folder("Dir::Cache", "cache")]);
        if suite.is_some() {
            apt.args(["-o", &folder("Dir::Etc::sourceparts", "sources")]);
        }
        apt
    };
    if let Some(name) = suite {
        let mirrors = mirrors()?;
        let mirror = mirrors.first().ok_or("apt's configuration names no mirror")?;
        copy_sources(&state.join("sources"))?;
        let text = Suite { name, architecture: None }.sources(mirror);
        write(&state.join("sources/onereg.sources"), &text)?;
    }
    let installed = run(apt().arg("update")).and_then(|_| {
        let mut apt = apt();
        apt.args(["install", "--yes", "--no-install-recommends"]);
        run(apt.args(suite.iter().map(|suite| format!("--target-release={suite}"))).args(packages))
    });
    let removed = remove(state);
    installed.map(drop).and(removed)
}

/// Copies the machine's source lists to the folder `to`.
fn copy_sources(to: &Path) -> Result<(), String> {
    let folder =
        run(Command::new("apt-config").args(["shell", "FOLDER", "Dir::Etc::sourceparts/d"]))?;
    let folder = folder.trim().trim_start_matches("FOLDER=").trim_matches('\'');
    let failed = |error| format!("cannot copy the source lists in {folder}: {error}");
    for entry in fs::read_dir(folder).map_err(failed)?.flatten() {
        fs::copy(entry.path(), to.join(entry.file_name())).map_err(failed)?;
    }
    Ok(())
}

/// Lists the sites that the machine's apt uses, in its order.
fn mirrors() -> Result<Vec<String>, String> {
    if !Path::new(KEYRING).exists() {
        return Err(format!("{KEYRING} is missing: install the package debian-archive-keyring"));
    }
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

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}
