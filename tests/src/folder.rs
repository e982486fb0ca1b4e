//! Folders that appear when they are complete, and the user's cache.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crate::command::run;

/// Returns `onereg/NAME` in the user's folder for caches.
///
/// # Errors
///
/// Says which variables to set.
pub fn cache(name: &str) -> Result<PathBuf, String> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches =
        absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    let caches = caches.ok_or("no folder for what is downloaded: set XDG_CACHE_HOME or HOME")?;
    Ok(caches.join("onereg").join(name))
}

/// Creates an empty folder in the place of whatever is there.
///
/// # Errors
///
/// Names the folder.
pub fn fresh(folder: &Path) -> Result<(), String> {
    remove(folder)?;
    fs::create_dir_all(folder)
        .map_err(|error| format!("cannot create {}: {error}", folder.display()))
}

/// Moves a complete folder to its place.
///
/// # Errors
///
/// Names both.
pub fn replace(from: &Path, to: &Path) -> Result<(), String> {
    remove(to)?;
    fs::rename(from, to)
        .map_err(|error| format!("cannot move {} to {}: {error}", from.display(), to.display()))
}

/// Removes a folder and what is in it, where it exists.
///
/// # Errors
///
/// Names the folder.
pub fn remove(folder: &Path) -> Result<(), String> {
    if !folder.exists() {
        return Ok(());
    }
    fs::remove_dir_all(folder)
        .map_err(|error| format!("cannot remove {}: {error}", folder.display()))
}

/// Checks the files of a folder of packages against the checksums of their first use.
///
/// # Errors
///
/// Says which file changed, and to remove the folder.
pub fn verify(packages: &Path) -> Result<(), String> {
    let sums = packages.join("SHA256SUMS");
    let mut tool = Command::new("sha256sum");
    tool.current_dir(packages);
    if sums.exists() {
        let checked = run(tool.args(["--check", "--quiet", "SHA256SUMS"]));
        return checked
            .map(drop)
            .map_err(|error| format!("{error}\nremove {} and run again", packages.display()));
    }
    let names = fs::read_dir(packages)
        .map_err(|error| format!("cannot read {}: {error}", packages.display()))?;
    tool.args(names.flatten().map(|entry| entry.file_name()));
    fs::write(&sums, run(&mut tool)?)
        .map_err(|error| format!("cannot write {}: {error}", sums.display()))
}
