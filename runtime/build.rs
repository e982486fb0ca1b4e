//! Generates a module per architecture from the tables, for those that a feature names, or for all where none does.

use std::path::Path;
use std::{env, fs, process};

use onereg_codegen::{Sources, emit::rust};

fn main() {
    if let Err(message) = generate() {
        eprintln!("{message}");
        process::exit(1);
    }
}

fn generate() -> Result<(), String> {
    let out = env::var("OUT_DIR").map_err(|error| format!("OUT_DIR: {error}"))?;
    // A link to the workspace's tables; in a packaged crate, their copy.
    let tables = "registers";
    println!("cargo::rerun-if-changed={tables}");
    let mut arches = Vec::new();
    let mut errors = String::new();
    let (chosen, others) = choose(folders(tables)?);
    for folder in chosen {
        let sources = Sources::gather(&format!("{tables}/{folder}/arch.yaml"), |path| {
            fs::read_to_string(path).map_err(|error| error.to_string())
        });
        sources.paths().for_each(|path| println!("cargo::rerun-if-changed={path}"));
        match onereg_codegen::load(&sources) {
            Ok(arch) => arches.push(arch),
            Err(findings) => {
                findings.iter().for_each(|finding| errors.push_str(&format!("{finding}\n")))
            }
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    for arch in &arches {
        let module = rust::emit(arch, rust::ValueTypes::Parent);
        write(&Path::new(&out).join(format!("{}.rs", arch.name)), &module)?;
    }
    let mut index =
        rust::index(&arches, |arch| format!("concat!(env!(\"OUT_DIR\"), \"/{}.rs\")", arch.name));
    for arch in others {
        // The compiler names the feature to whoever uses the module.
        index.push_str(&format!("#[cfg(feature = {arch:?})]\npub mod {arch} {{}}\n"));
    }
    write(&Path::new(&out).join("arches.rs"), &index)
}

/// Splits architectures into those that a feature names and the others. Where none is named all are, and their features
/// are turned on for the crate.
fn choose(arches: Vec<String>) -> (Vec<String>, Vec<String>) {
    let is_named =
        |arch: &String| env::var_os(format!("CARGO_FEATURE_{}", arch.to_uppercase())).is_some();
    if arches.iter().any(is_named) {
        return arches.into_iter().partition(is_named);
    }
    arches.iter().for_each(|arch| println!("cargo::rustc-cfg=feature={arch:?}"));
    (arches, Vec::new())
}

/// Names of the folders with an `arch.yaml`, sorted.
fn folders(tables: &str) -> Result<Vec<String>, String> {
    let entries = fs::read_dir(tables).map_err(|error| format!("cannot read {tables}: {error}"))?;
    let mut folders: Vec<_> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().join("arch.yaml").is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    folders.sort();
    Ok(folders)
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}
