//! What must be installed: the emulator, a C compiler per target, the distribution's Rust.

use std::fs;
use std::path::Path;

use onereg_tests::folder;
use onereg_tests::lock::Lock;
use onereg_tests::packages::{self, Package};

use crate::hosts::Host;

/// Rust with the sources of its standard library, from which that of foreign targets is built.
const RUST: &[Package] = &[
    ("cargo-web", "/usr/bin/cargo"),
    ("rustc-web", "/usr/bin/rustc"),
    ("rust-web-src", "/usr/lib/rustlib/src/rust/library/std/Cargo.toml"),
    ("xz-utils", "/usr/bin/xz"),
];

/// Lists the packages that a host needs and that are not installed.
pub fn missing(host: &Host) -> Vec<&'static str> {
    [host.emulator, host.compiler, RUST].into_iter().flat_map(packages::missing).collect()
}

/// Installs what a host needs, where that is allowed.
///
/// # Errors
///
/// Says what is missing and which command installs it.
pub fn provide(host: &Host, allowed: bool) -> Result<(), String> {
    if missing(host).is_empty() {
        return Ok(());
    }
    let cache = folder::cache("lab")?;
    let failed = |error| format!("cannot lock {}/lock: {error}", cache.display());
    fs::create_dir_all(&cache).map_err(failed)?;
    let _lock = Lock::acquire(&cache.join("lock")).map_err(failed)?;
    let compilers: Vec<Package> = [host.compiler, RUST].concat();
    for (packages, suite) in [(compilers.as_slice(), None), (host.emulator, emulator_suite())] {
        let installed = packages::provide(packages, suite, allowed)
            .map_err(|error| format!("{error}\nor, as root, add --install to this command"))?;
        if !installed.is_empty() {
            eprintln!("lab: installed {}", installed.join(", "));
        }
    }
    Ok(())
}

/// The suite with an emulator of version 10 or newer, where the machine's own release has an older one.
fn emulator_suite() -> Option<&'static str> {
    let release = fs::read_to_string(Path::new("/etc/os-release")).unwrap_or_default();
    let bookworm = release.lines().any(|line| line == "VERSION_CODENAME=bookworm");
    bookworm.then_some("bookworm-backports")
}
