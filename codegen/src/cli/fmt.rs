//! `onereg fmt`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use onereg_codegen::format::{Unformatted, format};

use super::args::FmtArgs;
use super::failure::Failure;
use super::{generate, tables, text};

/// Writes the tables in their one form, or names those that have another one.
pub(crate) fn run(root: &Path, args: &FmtArgs) -> Result<String, Failure> {
    let mut output = String::new();
    let mut message = String::new();
    for path in files(root, &args.paths)? {
        let name = path.display().to_string();
        let before = fs::read_to_string(&path)
            .map_err(|error| Failure::new(format!("cannot read {name}: {error}")))?;
        match format(&name, &before) {
            Err(Unformatted { message: problem, offset }) => {
                let (line, column) = text::place(&before, offset);
                message.push_str(&format!("{name}:{line}:{column}: error: {problem}\n"));
            }
            Ok(after) if after == before => {}
            Ok(after) if args.check => {
                let line = first_difference(&before, &after);
                message.push_str(&format!("{name}:{line}: error: not as `onereg fmt` writes it\n"));
            }
            Ok(after) => {
                generate::replace(&path, &after)
                    .map_err(|error| Failure::new(format!("cannot write {name}: {error}")))?;
                output.push_str(&format!("wrote {name}\n"));
            }
        }
    }
    match message.as_str() {
        "" if output.is_empty() => Ok("every table is formatted\n".to_owned()),
        "" => Ok(output),
        _ => Err(Failure { output, message }),
    }
}

/// The files of tables that `paths` name, each once; all under `root` without a path.
fn files(root: &Path, paths: &[PathBuf]) -> Result<BTreeSet<PathBuf>, Failure> {
    let default = [root.to_owned()];
    let mut files = BTreeSet::new();
    for path in if paths.is_empty() { &default } else { paths } {
        if !path.is_dir() {
            tables::folder_of(path)?;
            files.insert(path.clone());
            continue;
        }
        for folder in tables::folders(path)? {
            files.extend(tables::gather(&tables::arch_file(&folder)?).paths().map(PathBuf::from));
        }
    }
    Ok(files)
}

/// The first line, from 1, that two texts do not share.
fn first_difference(before: &str, after: &str) -> usize {
    let pairs = before.split_inclusive('\n').zip(after.split_inclusive('\n'));
    pairs.take_while(|(before, after)| before == after).count() + 1
}
