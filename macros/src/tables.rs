//! `registers!`: a module from tables.

use std::path::{Path, PathBuf};
use std::{env, fs};

use onereg_codegen::emit::rust::{self, ValueTypes};
use onereg_codegen::{Diagnostic, Sources};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, LitStr, Result};

/// Expands to the content of the module of the tables at `path`.
pub(crate) fn expand(path: &LitStr) -> Result<TokenStream> {
    let error = |message: String| Error::new(path.span(), message);
    let root = env::var_os("CARGO_MANIFEST_DIR")
        .ok_or_else(|| error("CARGO_MANIFEST_DIR is not set: build with cargo".to_owned()))?;
    let module = generate(Path::new(&root), &path.value()).map_err(error)?;
    let files = module.files.iter();
    let code: TokenStream = module
        .code
        .parse()
        .map_err(|lexed| error(format!("the generated code is not Rust: {lexed}")))?;
    Ok(quote! {
        #(const _: &[u8] = ::core::include_bytes!(#files);)*
        #code
    })
}

/// A generated module.
struct Module {
    code: String,
    /// Absolute paths of the files that it comes from.
    files: Vec<String>,
}

/// Generates the module of the tables at `path`, which is relative to `root`.
fn generate(root: &Path, path: &str) -> std::result::Result<Module, String> {
    let path = match root.join(path) {
        found if found.is_dir() => format!("{}/arch.yaml", path.trim_end_matches('/')),
        found if found.is_file() => path.to_owned(),
        _ => {
            return Err(format!(
                "no tables at `{path}`: name their folder, as seen from Cargo.toml"
            ));
        }
    };
    let sources = Sources::gather(&path, |file| {
        fs::read_to_string(root.join(file)).map_err(|error| error.to_string())
    });
    let arch = onereg_codegen::load(&sources).map_err(|findings| describe(&findings))?;
    let absolute = |file: &str| -> PathBuf { root.join(file) };
    let text = |file: PathBuf| {
        file.into_os_string().into_string().map_err(|file| format!("{file:?} is not UTF-8"))
    };
    let files = sources.paths().map(absolute).map(text).collect::<std::result::Result<_, _>>()?;
    Ok(Module { code: rust::emit(&arch, ValueTypes::Own), files })
}

/// The first finding, and how many there are besides.
fn describe(findings: &[Diagnostic]) -> String {
    let Some(first) = findings.first() else { return "the tables are wrong".to_owned() };
    match findings.len() - 1 {
        0 => first.to_string(),
        1 => format!("{first}\n(and 1 more finding)"),
        more => format!("{first}\n(and {more} more findings)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with an `arch.yaml` and a `core.yaml`, removed at the end.
    struct Tables(PathBuf);

    impl Tables {
        fn new(name: &str, core: &str) -> Self {
            let folder =
                env::temp_dir().join(format!("onereg-macros-{}-{name}", std::process::id()));
            fs::create_dir_all(folder.join("demo")).unwrap();
            let arch = "arch: demo\nspace: plain\ndoc: \"Demo\"\ngroups: {core: {file: core.yaml, doc: \"All\"}}\n";
            fs::write(folder.join("demo/arch.yaml"), arch).unwrap();
            fs::write(folder.join("demo/core.yaml"), core).unwrap();
            Tables(folder)
        }

        fn generate(&self, path: &str) -> std::result::Result<Module, String> {
            generate(&self.0, path)
        }
    }

    impl Drop for Tables {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    const ROW: &str = "registers:\n  - {name: A, width: 32, number: 0x0, doc: \"A register\"}\n";

    #[test]
    fn a_folder_and_its_arch_yaml_are_the_same() {
        let tables = Tables::new("folder", ROW);
        let codes =
            ["demo", "demo/", "demo/arch.yaml"].map(|path| tables.generate(path).unwrap().code);
        assert!(codes[0].contains("pub const A: "));
        assert!(codes.iter().all(|code| *code == codes[0]));
    }

    #[test]
    fn every_file_is_named_by_its_absolute_path() {
        let files = Tables::new("files", ROW).generate("demo").unwrap().files;
        let names: Vec<_> = files.iter().map(|file| file.rsplit('/').next().unwrap()).collect();
        assert_eq!(names, ["arch.yaml", "core.yaml"]);
        assert!(files.iter().all(|file| Path::new(file).is_absolute()));
    }

    #[test]
    fn the_first_finding_is_told_and_the_others_are_counted() {
        let row = "  - {name: A, width: 33, number: 0x0, doc: \"A register\"}\n";
        let expected = "demo/core.yaml:2:22: error: width 33 of `A` is not a legal size\n\
                        help: a power of two from 8 to 65536 bits";
        let one = Tables::new("one", &format!("registers:\n{row}"));
        assert_eq!(one.generate("demo").err().unwrap(), expected);
        let two = Tables::new("two", &format!("extra: 1\nregisters:\n{row}"));
        let message = two.generate("demo").err().unwrap();
        assert!(message.starts_with("demo/core.yaml:1:1: error: unknown key `extra`"), "{message}");
        assert!(message.ends_with("\n(and 1 more finding)"), "{message}");
    }

    #[test]
    fn a_missing_table_is_named() {
        let message = Tables::new("missing", ROW).generate("nowhere").err().unwrap();
        assert_eq!(message, "no tables at `nowhere`: name their folder, as seen from Cargo.toml");
    }
}
