//! The Debian packages that tests and other steps need.

use onereg_tests::packages::{Package, missing, provide};

use crate::Context;

const PACKAGES: &[Package] = &[
    ("chromium", "/usr/bin/chromium"),
    ("debian-archive-keyring", "/usr/share/keyrings/debian-archive-keyring.gpg"),
    ("g++", "/usr/bin/g++"),
    ("gcc", "/usr/bin/gcc"),
    ("gdb-multiarch", "/usr/bin/gdb-multiarch"),
    ("git", "/usr/bin/git"),
    ("iproute2", "/usr/bin/ip"),
    ("python3-docutils", "/usr/bin/docutils"),
    ("xz-utils", "/usr/bin/xz"),
];

/// Installs what is missing, where that is allowed and possible; else says which command does it.
pub(crate) fn check(context: &Context) -> Result<String, String> {
    let missing = missing(PACKAGES);
    provide(&missing, None, context.install)?;
    let note = format!("installed {}", missing.join(", "));
    Ok(if missing.is_empty() { String::new() } else { note })
}
