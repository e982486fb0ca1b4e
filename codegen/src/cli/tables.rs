//! Tables on disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use onereg_codegen::model::Arch;
use onereg_codegen::{Diagnostic, Sources, Span, render};

use super::colour;
use super::failure::Failure;

/// The tables of one architecture.
pub(crate) struct Tables {
    /// Their texts.
    pub(crate) sources: Sources,
    /// What they mean, or what is wrong with them.
    pub(crate) arch: Result<Arch, Vec<Diagnostic>>,
}

impl Tables {
    /// Path of `arch.yaml`.
    pub(crate) fn path(&self) -> &str {
        self.sources.paths().next().unwrap_or(ARCH_FILE)
    }
}

/// Finds the folders with an `arch.yaml`: `root` itself, or its sub-folders by name.
pub(crate) fn folders(root: &Path) -> Result<Vec<PathBuf>, Failure> {
    let remedy = "name the folder of the tables, as with --tables";
    if !root.is_dir() {
        return Err(Failure::new(format!("{} is no folder: {remedy}", root.display())));
    }
    if has_tables(root)? {
        return Ok(vec![root.to_owned()]);
    }
    let mut folders = Vec::new();
    for path in entries(root)? {
        if path.is_dir() && has_tables(&path)? {
            folders.push(path);
        }
    }
    if folders.is_empty() {
        let problem = format!("no folder in {} has an {ARCH_FILE}", root.display());
        return Err(Failure::new(format!("{problem}: {remedy}")));
    }
    Ok(folders)
}

fn has_tables(folder: &Path) -> Result<bool, Failure> {
    folder.join(ARCH_FILE).try_exists().map_err(|error| unreadable(folder, &error))
}

fn unreadable(folder: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("cannot read the folder {}: {error}", folder.display()))
}

/// Returns the folder of a table file, which has an `arch.yaml`.
pub(crate) fn folder_of(file: &Path) -> Result<PathBuf, Failure> {
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    if folder.join(ARCH_FILE).exists() {
        return Ok(folder);
    }
    Err(Failure::new(format!("{} is no table: there is no {ARCH_FILE} beside it", file.display())))
}

/// Reads and checks the tables in `folder`.
pub(crate) fn read(folder: &Path) -> Result<Tables, Failure> {
    let path = arch_file(folder)?;
    let sources = gather(&path);
    let arch = onereg_codegen::load(&sources);
    let unlisted = match &arch {
        Err(findings) if findings.iter().any(|finding| finding.span.file == path) => Vec::new(),
        _ => unlisted(folder, &sources)?,
    };
    let arch = match arch {
        Ok(arch) if unlisted.is_empty() => Ok(arch),
        Ok(_) => Err(unlisted),
        Err(findings) => Err(findings.into_iter().chain(unlisted).collect()),
    };
    Ok(Tables { sources, arch })
}

/// Path of the `arch.yaml` in `folder`.
pub(crate) fn arch_file(folder: &Path) -> Result<String, Failure> {
    let path = folder.join(ARCH_FILE);
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| Failure::new(format!("{} is not UTF-8", path.display())))
}

/// Reads the `arch.yaml` at `path` and the files of its groups.
pub(crate) fn gather(path: &str) -> Sources {
    Sources::gather(path, |path| fs::read_to_string(path).map_err(|error| error.to_string()))
}

/// Loads the tables of every architecture under `root`, all of which must be valid.
pub(crate) fn load(root: &Path) -> Result<Vec<Arch>, Failure> {
    let mut archs: Vec<Arch> = Vec::new();
    let mut message = String::new();
    for folder in folders(root)? {
        let tables = read(&folder)?;
        match tables.arch {
            Ok(arch) => archs.push(arch),
            Err(findings) => message.push_str(&findings_text(&findings, &tables.sources)),
        }
    }
    if !message.is_empty() {
        return Err(Failure { output: String::new(), message });
    }
    distinct(&archs)?;
    Ok(archs)
}

/// Renders findings for stderr.
pub(crate) fn findings_text(findings: &[Diagnostic], sources: &Sources) -> String {
    findings.iter().map(|finding| render::text(finding, sources, colour()) + "\n").collect()
}

const ARCH_FILE: &str = "arch.yaml";

/// What is in `folder`, sorted.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let mut paths = Vec::new();
    for entry in fs::read_dir(here).map_err(|error| unreadable(folder, &error))? {
        let entry = entry.map_err(|error| unreadable(folder, &error))?;
        paths.push(folder.join(entry.file_name()));
    }
    paths.sort();
    Ok(paths)
}

/// Finds the YAML files in `folder` that no group names: rows that would be missing without a word.
fn unlisted(folder: &Path, sources: &Sources) -> Result<Vec<Diagnostic>, Failure> {
    let is_yaml = |path: &PathBuf| {
        path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
    };
    let is_known = |path: &PathBuf| sources.paths().any(|known| Path::new(known) == path);
    let paths = entries(folder)?.into_iter().filter(|path| is_yaml(path) && !is_known(path));
    let finding = |path: PathBuf| Diagnostic {
        code: "E0003",
        message: format!("no group of {ARCH_FILE} names this file"),
        span: Span { file: path.display().to_string(), line: 1, column: 1, start: 0, end: 0 },
        label: String::new(),
        related: Vec::new(),
        help: Some(format!("add a group with this `file` to {ARCH_FILE}, or remove the file")),
    };
    Ok(paths.map(finding).collect())
}

/// Fails when two architectures have one name or one code.
pub(crate) fn distinct(archs: &[Arch]) -> Result<(), Failure> {
    for (index, arch) in archs.iter().enumerate() {
        for other in &archs[..index] {
            let (what, value) = match (arch.code, other.code) {
                _ if arch.name == other.name => ("name", format!("`{}`", arch.name)),
                (Some(code), Some(other)) if code == other => ("code", format!("{code:#04x}")),
                _ => continue,
            };
            let files = format!("{} and {}", other.file, arch.file);
            return Err(Failure::new(format!(
                "{files} have the same {what} {value}: change one of them"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The tables of this repository; none in a packaged crate.
    pub(crate) fn repository() -> Option<Vec<Arch>> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../registers");
        if !root.is_dir() {
            eprintln!("skipped: no registers/ beside this package");
            return None;
        }
        Some(load(&root).expect("the tables are valid"))
    }
}
