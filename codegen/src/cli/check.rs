//! `onereg check`.

use std::fs;
use std::path::{Path, PathBuf};

use onereg_codegen::{Diagnostic, render};
use serde_json::Value;

use super::args::{CheckArgs, Format};
use super::failure::Failure;
use super::tables::{self, Tables};

pub(crate) fn run(root: &Path, args: &CheckArgs) -> Result<String, Failure> {
    let mut files = 0;
    let mut objects: Vec<Value> = Vec::new();
    let mut message = String::new();
    let mut archs = Vec::new();
    for target in targets(root, &args.paths)? {
        let tables = tables::read(&target.folder)?;
        let findings = target.findings(&tables)?;
        files +=
            if target.only.is_empty() { tables.sources.paths().count() } else { target.only.len() };
        objects.extend(findings.iter().map(render::json));
        message.push_str(&tables::findings_text(&findings, &tables.sources));
        archs.extend(tables.arch);
    }
    let count = objects.len();
    if count == 0 {
        tables::distinct(&archs)?;
    }
    let output = match args.format {
        Format::Json => format!("{:#}\n", Value::from(objects)),
        Format::Text if count == 0 => format!("{} checked, no findings\n", counted(files, "file")),
        Format::Text => String::new(),
    };
    match args.format {
        _ if count == 0 => Ok(output),
        Format::Json => Err(Failure { output, message: String::new() }),
        Format::Text => Err(Failure {
            output,
            message: format!("{message}onereg: {}\n", counted(count, "finding")),
        }),
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// An architecture to check.
struct Target {
    folder: PathBuf,
    /// The files to report on, resolved; all without one.
    only: Vec<PathBuf>,
}

/// The architectures that `paths` belong to, each once; all under `root` without a path.
fn targets(root: &Path, paths: &[PathBuf]) -> Result<Vec<Target>, Failure> {
    let mut targets: Vec<(PathBuf, Target)> = Vec::new();
    let mut add = |folder: PathBuf, file: Option<PathBuf>| {
        let resolved = resolve(&folder)?;
        match targets.iter_mut().find(|(known, _)| *known == resolved) {
            // A folder, which means all of its files, may follow some of them or precede them.
            Some((_, target)) if file.is_none() || target.only.is_empty() => target.only.clear(),
            Some((_, target)) => target.only.extend(file),
            None => targets.push((resolved, Target { folder, only: file.into_iter().collect() })),
        }
        Ok(())
    };
    if paths.is_empty() {
        tables::folders(root)?.into_iter().try_for_each(|folder| add(folder, None))?;
    }
    for path in paths {
        let file = resolve(path)?;
        if file.is_dir() {
            tables::folders(path)?.into_iter().try_for_each(|folder| add(folder, None))?;
        } else {
            add(tables::folder_of(path)?, Some(file))?;
        }
    }
    Ok(targets.into_iter().map(|(_, target)| target).collect())
}

fn resolve(path: &Path) -> Result<PathBuf, Failure> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    fs::canonicalize(path)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))
}

impl Target {
    /// The findings to print: those with a place in one of the files.
    fn findings(&self, tables: &Tables) -> Result<Vec<Diagnostic>, Failure> {
        let all = tables.arch.as_ref().err().map_or(&[][..], Vec::as_slice);
        if self.only.is_empty() {
            return Ok(all.to_vec());
        }
        let findings = concerning(all, |file| {
            resolve(Path::new(file)).is_ok_and(|file| self.only.contains(&file))
        });
        let Some(unknown) = self.unknown(tables) else { return Ok(findings) };
        if !findings.is_empty() {
            return Ok(findings);
        }
        // A broken arch.yaml does not say which groups there are.
        let of_arch = concerning(all, |file| file == tables.path());
        if of_arch.is_empty() {
            let (file, arch) = (unknown.display(), tables.path());
            return Err(Failure::new(format!("{file} is no table: no group of {arch} names it")));
        }
        Ok(of_arch)
    }

    /// A file that no group is known to name.
    fn unknown(&self, tables: &Tables) -> Option<&PathBuf> {
        let known: Vec<_> =
            tables.sources.paths().filter_map(|path| resolve(Path::new(path)).ok()).collect();
        self.only.iter().find(|file| !known.contains(file))
    }
}

/// The findings with a place in a file that `concerns` accepts.
fn concerning(findings: &[Diagnostic], concerns: impl Fn(&str) -> bool) -> Vec<Diagnostic> {
    let places = |finding: &Diagnostic| {
        concerns(&finding.span.file) || finding.related.iter().any(|(span, _)| concerns(&span.file))
    };
    findings.iter().filter(|finding| places(finding)).cloned().collect()
}
