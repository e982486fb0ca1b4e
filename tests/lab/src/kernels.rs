//! Kernels of the hosts: found in the user's cache, or fetched from Debian; nothing of them is installed.
//!
//! The cache has a folder per architecture and suite, and in it, for each kernel, `packages-RELEASE/` (the .deb files
//! with their checksums) and `RELEASE/` (the kernel, and every module that a run needed so far).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use onereg_tests::apt::Suite;
use onereg_tests::command::run;
use onereg_tests::folder::{self, fresh, remove, replace, verify};
use onereg_tests::lock::Lock;

use crate::failure::Failure;
use crate::hosts::Host;
use crate::modules::{self, Module};
use crate::version::{Version, newest};

/// File of an unpacked kernel.
const IMAGE: &str = "vmlinuz";

/// Folder of a kernel's modules, by their names.
const MODULES: &str = "ko";

/// How the folders of packages begin.
const PACKAGES: &str = "packages-";

/// A kernel, ready to boot.
#[derive(Debug)]
pub struct Kernel {
    /// Its release without the flavour, such as `7.3.4+deb13`.
    pub release: String,
    /// The suite that it comes from.
    pub suite: &'static str,
    folder: PathBuf,
}

impl Kernel {
    /// Returns the file that boots.
    pub fn image(&self) -> PathBuf {
        self.folder.join(IMAGE)
    }

    /// Returns modules and those that they need, in the order of loading. What no run needed before is unpacked.
    ///
    /// # Errors
    ///
    /// Names what cannot be unpacked or read.
    pub fn modules(&self, wanted: &[&str]) -> Result<Vec<Module>, String> {
        let suite = self.folder.parent().unwrap_or(&self.folder);
        let _lock = lock(suite)?;
        let partial = self.folder.join("modules.partial");
        let mut unpacked = None;
        let modules = modules::ordered(wanted, |name| {
            let path = self.folder.join(MODULES).join(format!("{name}.ko"));
            if !path.exists() {
                let files = match &unpacked {
                    Some(files) => files,
                    None => unpacked.insert(self.unpack_packages(suite, &partial)?),
                };
                keep_module(name, files, &path)?;
            }
            fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))
        })?;
        remove(&partial)?;
        Ok(modules)
    }

    /// Unpacks the kernel's packages to the folder `to` and lists its files.
    fn unpack_packages(&self, suite: &Path, to: &Path) -> Result<Vec<PathBuf>, String> {
        let packages = suite.join(format!("{PACKAGES}{}", self.release));
        verify(&packages)?;
        unpack_packages(&packages, to)
    }
}

/// Returns the newest kernel that `wanted` covers, from the cache or fetched. Where nothing is wanted, an older suite
/// stands in for a newer one that cannot be had, and stderr says so.
///
/// # Errors
///
/// Says for every suite why it has no such kernel, and what to do.
pub fn provide(host: &'static Host, wanted: Option<&Version>) -> Result<Kernel, Failure> {
    if wanted.is_some()
        && let Some(kernel) = cached(host, wanted)?.into_iter().next()
    {
        return Ok(kernel);
    }
    let mut errors = Vec::new();
    for suite in host.suites {
        match from_suite(host, suite, wanted) {
            Ok(kernel) => {
                for error in errors.iter().filter(|_| wanted.is_none()) {
                    eprintln!("lab: {error}\nlab: Linux {} stands in", kernel.release);
                }
                return Ok(kernel);
            }
            Err(error) => errors.push(format!("{suite} for {}: {error}", host.debian)),
        }
    }
    errors.push(format!(
        "no suite has the kernel: ask for another one with --kernel (`cargo lab list`), or run again when the mirror is \
         complete, or put its packages into {}/SUITE/{PACKAGES}RELEASE",
        folder(host)?.display()
    ));
    Err(Failure::NoKernel(errors.join("\n")))
}

/// Lists the kernels in the cache that `wanted` covers, newest suite first.
///
/// # Errors
///
/// Says that there can be no cache.
pub fn cached(host: &'static Host, wanted: Option<&Version>) -> Result<Vec<Kernel>, String> {
    let folder = folder(host)?;
    let of_suite = |suite: &&'static str| unpacked(&folder.join(suite), suite, wanted);
    Ok(host.suites.iter().filter_map(of_suite).collect())
}

/// Returns the folder of a host's architecture in the cache.
pub(crate) fn folder(host: &Host) -> Result<PathBuf, String> {
    Ok(folder::cache("lab")?.join(host.debian))
}

/// Finds the newest kernel of a suite that is unpacked in the cache.
fn unpacked(folder: &Path, suite: &'static str, wanted: Option<&Version>) -> Option<Kernel> {
    releases(folder, "", wanted).map(|release| Kernel {
        folder: folder.join(&release),
        release,
        suite,
    })
}

/// Finds the newest release that follows `prefix` in the name of a folder in `folder`.
fn releases(folder: &Path, prefix: &str, wanted: Option<&Version>) -> Option<String> {
    let release = |entry: fs::DirEntry| {
        let release = entry.file_name().to_str()?.strip_prefix(prefix)?.to_owned();
        let version = Version::parse(&release)?;
        wanted.is_none_or(|wanted| wanted.covers(&version)).then_some((version, release))
    };
    let entries = fs::read_dir(folder).ok()?.flatten();
    entries.filter_map(release).max().map(|(_, release)| release)
}

fn from_suite(
    host: &Host,
    suite: &'static str,
    wanted: Option<&Version>,
) -> Result<Kernel, String> {
    let folder = folder(host)?.join(suite);
    fs::create_dir_all(&folder)
        .map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    let _lock = lock(&folder)?;
    if let Some(kernel) = unpacked(&folder, suite, wanted) {
        return Ok(kernel);
    }
    let release = match releases(&folder, PACKAGES, wanted) {
        Some(release) => release,
        None => fetch(host, suite, &folder, wanted)?,
    };
    let packages = folder.join(format!("{PACKAGES}{release}"));
    verify(&packages)?;
    unpack(&packages, &folder.join(&release))?;
    Ok(Kernel { folder: folder.join(&release), release, suite })
}

/// Waits for the suite's turn.
pub(crate) fn lock(suite: &Path) -> Result<Lock, String> {
    let lock = suite.join("lock");
    Lock::acquire(&lock).map_err(|error| format!("cannot lock {}: {error}", lock.display()))
}

/// Fetches the packages of the newest kernel; their folder appears when it is complete. Returns the release.
fn fetch(
    host: &Host,
    suite: &str,
    folder: &Path,
    wanted: Option<&Version>,
) -> Result<String, String> {
    let partial = folder.join("packages.partial");
    fresh(&partial)?;
    let mut release = String::new();
    let suite = Suite { name: suite, architecture: Some(host.debian) };
    suite.download(&partial, |index| {
        let names = index.names("linux-")?;
        let packages = newest(&names, host.flavour, wanted).ok_or("has no such kernel")?;
        eprintln!("lab: fetching Linux {} of {} for {}", packages.release, suite.name, host.debian);
        release = packages.release;
        Ok(packages.names)
    })?;
    replace(&partial, &folder.join(format!("{PACKAGES}{release}")))?;
    Ok(release)
}

/// Unpacks the kernel of the packages to the folder `to`, which appears when it is complete.
fn unpack(packages: &Path, to: &Path) -> Result<(), String> {
    let partial = to.with_file_name("unpacked.partial");
    let tree = partial.join("tree");
    fresh(&partial)?;
    let files = unpack_packages(packages, &tree)?;
    let image = named(&files, |name| name.starts_with("vmlinu"))
        .ok_or_else(|| format!("the packages in {} have no kernel", packages.display()))?;
    let moved = |error| format!("cannot copy {}: {error}", image.display());
    fs::rename(image, partial.join(IMAGE)).map_err(moved)?;
    remove(&tree)?;
    replace(&partial, to)
}

/// Unpacks packages to the folder `to` and lists its files.
pub(crate) fn unpack_packages(packages: &Path, to: &Path) -> Result<Vec<PathBuf>, String> {
    fresh(to)?;
    let failed = |error| format!("cannot read {}: {error}", packages.display());
    for entry in fs::read_dir(packages).map_err(failed)?.flatten() {
        if entry.path().extension().is_some_and(|end| end == "deb") {
            run(Command::new("dpkg").arg("-x").arg(entry.path()).arg(to))?;
        }
    }
    files(to)
}

/// Finds the first file whose name is wanted.
fn named(files: &[PathBuf], wanted: impl Fn(&str) -> bool) -> Option<&PathBuf> {
    files.iter().find(|path| wanted(&path.file_name().unwrap_or_default().to_string_lossy()))
}

/// Moves a module, which may be compressed, from the files of the packages to `path`: an empty file is one that the kernel
/// does not have.
fn keep_module(name: &str, files: &[PathBuf], path: &Path) -> Result<(), String> {
    let file = named(files, |file| {
        file.split_once(".ko").is_some_and(|(stem, _)| modules::plain(stem) == name)
    });
    let folder = path.parent().unwrap_or(path);
    let failed = |error| format!("cannot make {}: {error}", path.display());
    fs::create_dir_all(folder).map_err(failed)?;
    let Some(file) = file else { return fs::write(path, "").map_err(failed) };
    let mut file = file.to_owned();
    if file.extension().is_some_and(|end| end == "xz") {
        run(Command::new("xz").arg("--decompress").arg(&file))?;
        file.set_extension("");
    }
    fs::rename(&file, path).map_err(failed)
}

/// Lists the files in a folder and those below it.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let failed = |error| format!("cannot read {}: {error}", folder.display());
        for entry in fs::read_dir(&folder).map_err(failed)?.flatten() {
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}
