//! Sites in folders of their own, and their addresses.

use std::fs;
use std::path::{Path, PathBuf};

use onereg_codegen::emit::site::site;
use onereg_codegen::model::Arch;
use onereg_tests::tables;

/// A site in a folder.
pub(crate) struct Site {
    pub(crate) folder: PathBuf,
    pub(crate) archs: Vec<Arch>,
}

impl Site {
    /// Writes the site of the repository's tables.
    pub(crate) fn new(name: &str) -> Site {
        Site::of(name, tables::archs_in(&tables::root()).unwrap_or_else(|error| panic!("{error}")))
    }

    /// Writes the site of some tables.
    pub(crate) fn of(name: &str, archs: Vec<Arch>) -> Site {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("site-{name}"));
        onereg_tests::folder::fresh(&folder).unwrap();
        for file in site(&archs) {
            fs::write(folder.join(file.path), file.text).unwrap();
        }
        Site { folder, archs }
    }

    /// Address of a page of the site.
    pub(crate) fn address(&self, page: &str) -> String {
        format!("file://{}/{page}", self.folder.display())
    }

    /// Names of the pages.
    pub(crate) fn pages(&self) -> Vec<String> {
        let names = fs::read_dir(&self.folder).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".html")).collect()
    }
}
