//! `onereg generate`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use onereg_codegen::emit::artefacts::{Artefact, artefacts, is_generated_page};
use onereg_codegen::emit::c_header::c_headers;
use onereg_codegen::emit::gdb::gdb;
use onereg_codegen::emit::json::json;
use onereg_codegen::emit::rst::rst;
use onereg_codegen::emit::site::{is_site_page, site};
use onereg_codegen::model::Arch;

use super::args::GenerateArgs;
use super::failure::Failure;
use super::tables;

/// What emits files into a folder of their own.
type Backend = fn(&[Arch]) -> Vec<Artefact>;

/// Where pages of earlier runs may be.
struct Pages {
    /// Path of their folder, as the paths of files begin.
    folder: &'static str,
    /// Whether there are some in the folders below, too.
    below: bool,
    /// Whether a text is one.
    is_page: fn(&str) -> bool,
}

const DOCS: Pages = Pages { folder: "docs/", below: true, is_page: is_generated_page };
/// A folder below may be somebody else's, even with a site of its own.
const SITE: Pages = Pages { folder: "", below: false, is_page: is_site_page };

pub(crate) fn run(root: &Path, args: &GenerateArgs) -> Result<String, Failure> {
    let archs = tables::load(root)?;
    let elsewhere: [(_, Backend); 5] = [
        (&args.site, site),
        (&args.json, json),
        (&args.c_header, c_headers),
        (&args.rst, rst),
        (&args.gdb, gdb),
    ];
    if let Some((folder, emit)) =
        elsewhere.iter().find_map(|(folder, emit)| Some((folder.as_ref()?, emit)))
    {
        let files = emit(&archs);
        distinct(&files)?;
        let orphans = if args.site.is_some() { SITE.orphans(folder, &files)? } else { Vec::new() };
        return write(folder, &stale(folder, &files)?, &orphans);
    }
    let files = artefacts(&archs);
    distinct(&files)?;
    let out = args.out.clone().unwrap_or_else(|| root.join(".."));
    let changed = stale(&out, &files)?;
    let orphans = DOCS.orphans(&out, &files)?;
    if args.check { report(&changed, &orphans) } else { write(&out, &changed, &orphans) }
}

/// The files that are not on disk as they should be.
fn stale<'a>(out: &Path, files: &'a [Artefact]) -> Result<Vec<&'a Artefact>, Failure> {
    files.iter().filter_map(|file| changed(out, file).transpose()).collect()
}

/// Fails when two architectures would share a file.
fn distinct(files: &[Artefact]) -> Result<(), Failure> {
    let twice = files
        .iter()
        .enumerate()
        .find(|(index, file)| files[..*index].iter().any(|other| other.path == file.path));
    match twice {
        Some((_, file)) => {
            Err(Failure::new(format!("two files would be {}: rename an architecture", file.path)))
        }
        None => Ok(()),
    }
}

/// The file, when it is not on disk as it should be.
fn changed<'a>(out: &Path, file: &'a Artefact) -> Result<Option<&'a Artefact>, Failure> {
    match fs::read(out.join(&file.path)) {
        Ok(bytes) => Ok((bytes != file.text.as_bytes()).then_some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Some(file)),
        Err(error) => Err(Failure::new(format!("cannot read {}: {error}", file.path))),
    }
}

impl Pages {
    /// The pages that were generated once and no longer are.
    fn orphans(&self, out: &Path, files: &[Artefact]) -> Result<Vec<String>, Failure> {
        let mut orphans = Vec::new();
        let mut folders = vec![self.folder.to_owned()];
        while let Some(folder) = folders.pop() {
            let path = out.join(&folder);
            let failed = |error: io::Error| {
                Failure::new(format!("cannot read the folder {}: {error}", path.display()))
            };
            let entries = match fs::read_dir(&path) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(error)),
            };
            for entry in entries {
                let entry = entry.map_err(failed)?;
                let Ok(name) = entry.file_name().into_string() else { continue };
                let path = format!("{folder}{name}");
                // A link to a folder is none: what it leads to may be elsewhere.
                if !entry.file_type().map_err(failed)?.is_dir() {
                    orphans.extend(self.is_orphan(out, files, &path).then_some(path));
                } else if self.below {
                    folders.push(path + "/");
                }
            }
        }
        orphans.sort();
        Ok(orphans)
    }

    fn is_orphan(&self, out: &Path, files: &[Artefact], path: &str) -> bool {
        let known = files.iter().any(|file| file.path == path);
        !known && fs::read_to_string(out.join(path)).is_ok_and(|text| (self.is_page)(&text))
    }
}

fn report(changed: &[&Artefact], orphans: &[String]) -> Result<String, Failure> {
    if changed.is_empty() && orphans.is_empty() {
        return Ok("every generated file is up to date\n".to_owned());
    }
    let mut message = String::new();
    for file in changed {
        message.push_str(&format!("onereg: {} is not up to date\n", file.path));
    }
    for path in orphans {
        message.push_str(&format!("onereg: {path} is no longer generated\n"));
    }
    message.push_str("onereg: run `onereg generate`\n");
    Err(Failure { output: String::new(), message })
}

fn write(out: &Path, changed: &[&Artefact], orphans: &[String]) -> Result<String, Failure> {
    let mut output = String::new();
    for file in changed {
        replace(&out.join(&file.path), &file.text).map_err(|error| {
            Failure::new(format!("cannot write {}: {error}", file.path)).with_output(output.clone())
        })?;
        output.push_str(&format!("wrote {}\n", file.path));
    }
    for path in orphans {
        fs::remove_file(out.join(path))
            .map_err(|error| Failure::new(format!("cannot remove {path}: {error}")))?;
        output.push_str(&format!("removed {path}\n"));
    }
    if output.is_empty() {
        Ok("every generated file is up to date\n".to_owned())
    } else {
        Ok(output)
    }
}

/// Writes a file so that it is either the old or the new one, never a part.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().map(PathBuf::from).unwrap_or_default();
    fs::create_dir_all(&folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{name}.{}", std::process::id()));
    let result = fs::write(&temporary, text).and_then(|()| fs::rename(&temporary, path));
    if result.is_err() {
        // What went wrong is in `result`; the temporary file may not even exist.
        let _ = fs::remove_file(&temporary);
    }
    result
}
