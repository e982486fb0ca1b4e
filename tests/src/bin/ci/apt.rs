//! The Debian packages that tests and other steps need.

use std::path::Path;
use std::process::Command;

use onereg_tests::command::{line, run};

use crate::Context;

/// Package, and a file that is there when it is installed.
const PACKAGES: &[(&str, &str)] = &[
    ("debian-archive-keyring", "/usr/share/keyrings/debian-archive-keyring.gpg"),
    ("g++", "/usr/bin/g++"),
    ("gcc", "/usr/bin/gcc"),
    ("git", "/usr/bin/git"),
    ("xz-utils", "/usr/bin/xz"),
];

/// Installs what is missing, where that is allowed and possible; else says which command does it.
pub(crate) fn check(context: &Context) -> Result<String, String> {
    let missing: Vec<&str> = PACKAGES
        .iter()
        .filter(|(_, file)| !Path::new(file).exists())
        .map(|(package, _)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(String::new());
    }
    let mut install = Command::new("apt-get");
    install.args(["install", "--yes", "--no-install-recommends"]).args(&missing);
    let root = run(Command::new("id").arg("-u"))?.trim() == "0";
    if !(root && context.install) {
        return Err(format!("missing packages; as root, run `{}`", line(&install)));
    }
    run(Command::new("apt-get").arg("update"))?;
    run(install.env("DEBIAN_FRONTEND", "noninteractive"))?;
    Ok(format!("installed {}", missing.join(", ")))
}
