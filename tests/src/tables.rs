//! The repository's tables, as the generator understands them.

use std::fs;
use std::path::{Path, PathBuf};

use onereg_codegen::model::Arch;
use onereg_codegen::{Sources, load};

/// Every architecture that has tables.
pub const ARCHS: &[&str] = &["arm64", "loongarch", "mips", "powerpc", "riscv", "s390", "x86"];

/// Returns the root of the repository.
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_owned()
}

/// Loads the tables of one architecture.
///
/// # Errors
///
/// Lists every finding, one a line.
pub fn arch(name: &str) -> Result<Arch, String> {
    arch_in(&root(), name)
}

/// Loads the tables of every architecture from `registers/` in the folder `root`.
///
/// # Errors
///
/// Those of [`arch`], for the first architecture that has any.
pub fn archs_in(root: &Path) -> Result<Vec<Arch>, String> {
    ARCHS.iter().map(|name| arch_in(root, name)).collect()
}

fn arch_in(root: &Path, name: &str) -> Result<Arch, String> {
    let path = format!("registers/{name}/arch.yaml");
    let read = |path: &str| fs::read_to_string(root.join(path)).map_err(|error| error.to_string());
    load(&Sources::gather(&path, read)).map_err(|findings| {
        let lines = findings.iter().map(|finding| {
            let at = &finding.span;
            format!("{}:{}:{}: error: {}", at.file, at.line, at.column, finding.message)
        });
        lines.collect::<Vec<_>>().join("\n")
    })
}
