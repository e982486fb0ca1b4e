//! The committed files that are generated: reference, schema, listings.

use super::{docs, ids, schema};
use crate::model::Arch;

/// A generated file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artefact {
    /// Path from the root of the repository, with `/`.
    pub path: String,
    /// Whole text.
    pub text: String,
}

/// Emits every committed file from the tables of all architectures.
pub fn artefacts(archs: &[Arch]) -> Vec<Artefact> {
    let mut files = docs::pages(archs);
    files.push(Artefact { path: "registers/schema.json".to_owned(), text: schema::schema() });
    for (name, text) in archs.iter().flat_map(ids::listings) {
        files.push(Artefact { path: format!("tests/golden/{name}"), text });
    }
    files
}

/// Whether `text` is a page that [`artefacts`] emitted, now or before.
pub fn is_generated_page(text: &str) -> bool {
    text.starts_with(docs::HEADER)
}
