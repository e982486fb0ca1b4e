//! Another VMM for a host: Debian's QEMU, unpacked in the user's cache with the libraries that it needs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use onereg_tests::apt::Suite;
use onereg_tests::command::run;
use onereg_tests::folder::{fresh, remove, replace};

use crate::hosts::Host;
use crate::kernels;

/// The suite that it comes from, which has every architecture.
const SUITE: &str = "trixie";

/// Folder of it beside the suite's kernels.
const FOLDER: &str = "qemu";

/// Returns the files of QEMU, each with its path in the host. They are fetched where no run needed them before.
///
/// # Errors
///
/// Says that the host cannot have it, or names what cannot be fetched or read.
pub fn files(host: &Host) -> Result<Vec<(String, Vec<u8>)>, String> {
    if host.vmm.is_empty() {
        return Err(format!("QEMU runs no guests on {}: leave --qemu out", host.name));
    }
    let suite = kernels::folder(host)?.join(SUITE);
    fs::create_dir_all(&suite)
        .map_err(|error| format!("cannot create {}: {error}", suite.display()))?;
    let _lock = kernels::lock(&suite)?;
    let folder = suite.join(FOLDER);
    if !folder.exists() {
        fetch(host, &folder)?;
    }
    let file = |path: &Path| {
        let content =
            fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let there = path.strip_prefix(&folder).unwrap_or(path);
        Ok((format!("/{}", there.display()), content))
    };
    kernels::files(&folder)?.iter().map(|path| file(path)).collect()
}

/// Fetches QEMU to the folder `to`, which appears when it is complete.
fn fetch(host: &Host, to: &Path) -> Result<(), String> {
    let partial = to.with_extension("partial");
    let [packages, tree, kept] = ["packages", "tree", "kept"].map(|name| partial.join(name));
    fresh(&packages)?;
    eprintln!("lab: fetching {} of {SUITE} for {}", host.emulator, host.debian);
    let suite = Suite { name: SUITE, architecture: Some(host.debian) };
    suite.download(&packages, |index| index.with_needs(host.emulator))?;
    kernels::unpack_packages(&packages, &tree)?;
    keep(host, &tree, &kept)?;
    replace(&kept, to)?;
    remove(&partial)
}

/// Copies the files of QEMU, and the libraries that it needs, from the packages' `tree` to the folder `to`.
fn keep(host: &Host, tree: &Path, to: &Path) -> Result<(), String> {
    let compiler = host.linker.trim_end_matches("gcc");
    let libraries = Path::new("usr/lib").join(compiler.trim_end_matches('-'));
    for path in host.vmm {
        copy(&tree.join(path), &to.join(path))?;
    }
    let needs = |file: &Path| needs(&format!("{compiler}readelf"), file);
    let mut open = host.vmm.first().map_or(Ok(Vec::new()), |program| needs(&tree.join(program)))?;
    let mut kept = BTreeSet::new();
    while let Some(need) = open.pop() {
        let name = need.rsplit('/').next().unwrap_or(&need);
        let file = tree.join(&libraries).join(name);
        // The interpreter is what has a whole path.
        let there = match need.strip_prefix('/') {
            Some(path) => to.join(path),
            None => to.join(&libraries).join(name),
        };
        if kept.insert(need) {
            copy(&file, &there)?;
            open.extend(needs(&file)?);
        }
    }
    Ok(())
}

/// Lists what a program or library needs: the names of libraries, and the path of its interpreter.
fn needs(readelf: &str, file: &Path) -> Result<Vec<String>, String> {
    let mut tool = Command::new(readelf);
    tool.env("LC_ALL", "C").args(["--wide", "--dynamic", "--program-headers"]).arg(file);
    Ok(run(&mut tool)?.lines().filter_map(need).map(str::to_owned).collect())
}

/// Takes from a line what it says is needed.
fn need(line: &str) -> Option<&str> {
    let starts = ["Shared library: [", "[Requesting program interpreter: "];
    let (_, rest) = starts.iter().find_map(|start| line.split_once(start))?;
    rest.trim_end().strip_suffix(']')
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    to.parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::copy(from, to).map(drop))
        .map_err(|error| format!("cannot copy {} to {}: {error}", from.display(), to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_needs_libraries_and_its_interpreter() {
        let text = "
      [Requesting program interpreter: /lib64/ld-linux-x86-64.so.2]
 0x0000000000000001 (NEEDED)             Shared library: [libz.so.1]
 0x0000000000000001 (NEEDED)             Shared library: [libc.so.6]
 0x000000000000000e (SONAME)             Library soname: [libglib-2.0.so.0]
";
        let needs: Vec<_> = text.lines().filter_map(need).collect();
        assert_eq!(needs, ["/lib64/ld-linux-x86-64.so.2", "libz.so.1", "libc.so.6"]);
    }
}
