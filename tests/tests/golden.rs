//! What is generated from the tables is the same everywhere, and values are the sum of their fields.

use std::fs;
use std::path::{Path, PathBuf};

use onereg_codegen::emit::artefacts::{Artefact, artefacts};
use onereg_codegen::emit::rust;
use onereg_codegen::emit::rust::ValueTypes;
use onereg_codegen::emit::site::site;
use onereg_codegen::model::{Arch, Layout};
use onereg_codegen::query;
use onereg_tests::tables;

fn archs() -> Vec<Arch> {
    tables::archs_in(&tables::root()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn tables_in_other_folders_give_the_same_bytes() {
    let here = output(&tables::root());
    for folder in ["determinism-a", "determinism-b/deeper"] {
        let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
        copy_tables(&copy).expect("the folder for temporary files takes a copy");
        let there = output(&copy);
        let changed = here.iter().zip(&there).filter(|(here, there)| here != there);
        let changed: Vec<_> = changed.map(|(here, _)| &here.path).collect();
        assert!(changed.is_empty() && here.len() == there.len(), "{folder} changes {changed:?}");
    }
}

/// Everything that is generated: committed files, the site and Rust.
fn output(root: &Path) -> Vec<Artefact> {
    let archs = tables::archs_in(root).unwrap_or_else(|error| panic!("{error}"));
    let mut files = artefacts(&archs);
    files.extend(site(&archs));
    files.extend(archs.iter().map(|arch| Artefact {
        path: format!("{}.rs", arch.name),
        text: rust::emit(arch, ValueTypes::Parent),
    }));
    files
}

fn copy_tables(to: &Path) -> std::io::Result<()> {
    for arch in tables::ARCHS {
        let from = tables::root().join("registers").join(arch);
        let to = to.join("registers").join(arch);
        fs::create_dir_all(&to)?;
        for file in fs::read_dir(from)? {
            let file: PathBuf = file?.path();
            fs::copy(&file, to.join(file.file_name().unwrap_or_default()))?;
        }
    }
    Ok(())
}

#[test]
fn every_value_is_the_sum_of_its_fields() {
    for arch in archs() {
        for layout in &arch.layouts {
            for value in values(layout.width) {
                assert_eq!(reassembled(layout, value), value, "{} of {}", layout.name, arch.name);
            }
        }
    }
}

/// No bit, every bit, each bit alone, and every other bit.
fn values(width: u32) -> impl Iterator<Item = u128> {
    let all = u128::MAX >> (128 - width);
    let patterns = [0, all, all / 3, all - all / 3];
    patterns.into_iter().chain((0..width).map(|bit| 1 << bit))
}

fn reassembled(layout: &Layout, value: u128) -> u128 {
    let fields = query::field_values(layout, value);
    fields.iter().map(|field| field.bits << field.piece.lsb).sum()
}
