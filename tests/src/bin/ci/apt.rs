//! The Debian packages that tests and other steps need.

use onereg_tests::packages::{Package, provide};

use crate::Context;

const PACKAGES: &[Package] = &[
    ("debian-archive-keyring", "/usr/share/keyrings/debian-archive-keyring.gpg"),
    ("g++", "/usr/bin/g++"),
    ("gcc", "/usr/bin/gcc"),
    ("git", "/usr/bin/git"),
    ("xz-utils", "/usr/bin/xz"),
];

/// Installs what is missing, where that is allowed and possible; else says which command does it.
pub(crate) fn check(context: &Context) -> Result<String, String> {
    let installed = provide(PACKAGES, None, context.install)?;
    let note = format!("installed {}", installed.join(", "));
    Ok(if installed.is_empty() { String::new() } else { note })
}
