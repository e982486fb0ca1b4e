//! The packages that hold the kernel's text: found in the user's cache, or fetched; unpacked once.
//!
//! The cache holds `packages/` (the two .deb files with their checksums) and one folder per unpacked version.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::apt::Suite;
use crate::command::run;
use crate::folder::{self, fresh, remove, replace, verify};
use crate::lock::Lock;

/// The Debian suite that the packages come from.
const SUITE: Suite<'_> = Suite { name: "trixie-backports", architecture: None };

/// The release series that the tables describe.
const SERIES: &str = "7.3";

/// The parts of the source tree that are unpacked.
const PATHS: &[&str] = &[
    "Documentation/virt/kvm",
    "arch/*/include",
    "arch/*/kvm",
    "arch/arm64/tools",
    "include",
    "tools/testing/selftests/kvm",
    "virt/kvm",
];

/// File in an unpacked folder that says which paths it has.
const STAMP: &str = "paths";

/// Returns the folder of the unpacked kernel, named after the packages' version: `headers/` is the uapi headers'
/// package, `sources/` the kernel's tree.
///
/// # Errors
///
/// Says what is missing and how to provide it.
pub(super) fn unpacked() -> Result<PathBuf, String> {
    let cache = folder::cache("linux")?;
    fs::create_dir_all(&cache)
        .map_err(|error| format!("cannot create {}: {error}", cache.display()))?;
    let lock = cache.join("lock");
    let _lock =
        Lock::acquire(&lock).map_err(|error| format!("cannot lock {}: {error}", lock.display()))?;
    if let Some(folder) = newest(&cache, &format!("{SERIES}."), "")
        && fs::read_to_string(folder.join(STAMP)).is_ok_and(|paths| paths == PATHS.join("\n"))
    {
        return Ok(folder);
    }
    let packages = cache.join("packages");
    if Pair::find(&packages).is_none() {
        fetch(&packages)?;
    }
    let pair = Pair::find(&packages)
        .ok_or_else(|| format!("apt-get left no packages in {}", packages.display()))?;
    verify(&packages)?;
    pair.unpack(&cache)
}

/// Fetches both packages; the folder appears when it is complete.
fn fetch(packages: &Path) -> Result<(), String> {
    let names = [format!("linux-libc-dev={SERIES}.*"), format!("linux-source-{SERIES}={SERIES}.*")];
    let partial = packages.with_extension("partial");
    let fetched = fresh(&partial).and_then(|()| SUITE.download(&partial, |_| Ok(names.to_vec())));
    fetched.and_then(|()| replace(&partial, packages)).map_err(|error| {
        format!(
            "cannot get the kernel's packages: {error}\n\
             to do without, put linux-libc-dev_{SERIES}.*_all.deb and linux-source-{SERIES}_{SERIES}.*_all.deb of Debian \
             {} into {}",
            SUITE.name,
            packages.display()
        )
    })
}

/// Both packages, of one version.
struct Pair {
    headers: PathBuf,
    sources: PathBuf,
    version: String,
}

impl Pair {
    fn find(packages: &Path) -> Option<Pair> {
        let prefix = format!("linux-source-{SERIES}_");
        let sources = newest(packages, &prefix, "_all.deb")?;
        let version = sources
            .file_name()?
            .to_str()?
            .strip_prefix(&prefix)?
            .strip_suffix("_all.deb")?
            .to_owned();
        let headers = packages.join(format!("linux-libc-dev_{version}_all.deb"));
        headers.exists().then_some(Pair { headers, sources, version })
    }

    /// Unpacks into a folder of `cache`, which appears when it is complete.
    fn unpack(&self, cache: &Path) -> Result<PathBuf, String> {
        let partial = cache.join("partial");
        fresh(&partial)?;
        run(Command::new("dpkg").arg("-x").arg(&self.headers).arg(partial.join("headers")))?;
        let package = partial.join("package");
        run(Command::new("dpkg").arg("-x").arg(&self.sources).arg(&package))?;
        let sources = partial.join("sources");
        fresh(&sources)?;
        let name = format!("linux-source-{SERIES}");
        let mut tar = Command::new("tar");
        tar.arg("--extract").arg("--file").arg(package.join(format!("usr/src/{name}.tar.xz")));
        tar.arg("--directory").arg(&sources).args([
            "--strip-components=1",
            "--wildcards",
            "--no-wildcards-match-slash",
        ]);
        run(tar.args(PATHS.iter().map(|path| format!("{name}/{path}"))))?;
        remove(&package)?;
        let stamp = partial.join(STAMP);
        fs::write(&stamp, PATHS.join("\n"))
            .map_err(|error| format!("cannot write {}: {error}", stamp.display()))?;
        let folder = cache.join(&self.version);
        replace(&partial, &folder)?;
        Ok(folder)
    }
}

/// The last entry of a folder, by name, with this prefix and suffix.
fn newest(folder: &Path, prefix: &str, suffix: &str) -> Option<PathBuf> {
    let fits = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(prefix) && name.ends_with(suffix)
    };
    fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).filter(fits).max()
}
