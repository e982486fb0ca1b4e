//! Loads kernel modules.

use std::fs::{self, File};

use crate::{MODULES, system};

/// Loads the modules of [`MODULES`] in the order of their names.
///
/// # Errors
///
/// Names the one that cannot be loaded.
pub fn load() -> Result<(), String> {
    let folder = fs::read_dir(MODULES).map_err(|error| format!("{MODULES}: {error}"))?;
    let mut paths: Vec<_> = folder.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let loaded = File::open(&path).and_then(|file| system::load_module(&file));
        loaded.map_err(|error| format!("cannot load {}: {error}", path.display()))?;
    }
    Ok(())
}
