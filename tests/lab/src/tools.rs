//! What must be installed: the emulator, a C compiler per target, the distribution's Rust.

use std::fs;
use std::process::Command;

use onereg_tests::command::run;
use onereg_tests::folder;
use onereg_tests::lock::Lock;
use onereg_tests::packages::{self, Package};

use crate::hosts::Host;
use crate::version::Version;

/// Rust with the sources of its standard library, from which that of foreign targets is built.
const RUST: &[Package] = &[
    ("cargo-web", "/usr/bin/cargo"),
    ("rustc-web", "/usr/bin/rustc"),
    ("rust-web-src", "/usr/lib/rustlib/src/rust/library/std/Cargo.toml"),
    ("xz-utils", "/usr/bin/xz"),
];

/// What makes a guest's disk.
const DISK: &[Package] = &[("e2fsprogs", "/usr/sbin/mkfs.ext4")];

/// The oldest emulator whose CPUs the hosts have: older ones lack nested arm64, and break guests of guests on x86.
const EMULATOR: &str = "10";

/// Lists the packages that a host needs and that are not installed.
pub fn missing(host: &Host) -> Vec<&'static str> {
    [missing_compilers(host), missing_emulator(host)].concat()
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
    // Who waited for another lab finds installed what that one installed.
    let _lock = Lock::acquire(&cache.join("lock")).map_err(failed)?;
    let mut errors = Vec::new();
    for (missing, suite) in
        [(missing_compilers(host), None), (missing_emulator(host), emulator_suite())]
    {
        match packages::provide(&missing, suite, allowed) {
            Ok(()) if missing.is_empty() => {}
            Ok(()) => eprintln!("lab: installed {}", missing.join(", ")),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        return Ok(());
    }
    errors.push(
        "or, as root, add --install to this command: apt then needs no other suite".to_owned(),
    );
    Err(errors.join("\n"))
}

fn missing_compilers(host: &Host) -> Vec<&'static str> {
    [host.compiler, RUST, DISK].into_iter().flat_map(packages::missing).collect()
}

fn missing_emulator(host: &Host) -> Vec<&'static str> {
    let version = run(Command::new(host.qemu).arg("--version")).unwrap_or_default();
    let version = version.strip_prefix("QEMU emulator version ").and_then(Version::parse);
    if Version::parse(EMULATOR) <= version { Vec::new() } else { vec![host.emulator] }
}

/// The suite with an emulator of version 10 or newer, where the machine's own release has an older one.
fn emulator_suite() -> Option<&'static str> {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let bookworm = release.lines().any(|line| line == "VERSION_CODENAME=bookworm");
    bookworm.then_some("bookworm-backports")
}
