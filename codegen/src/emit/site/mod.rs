//! The reference as a static site: a first page, a page per architecture, and an index for the search.
//!
//! It works from a folder of files: no page asks a server for anything. What is known of a register stands in the page
//! of its architecture, and the scripts read the fields from there; the index is loaded when somebody searches.

mod arch;
mod bits;
mod examples;
mod first;
mod html;
mod index;
mod register;
mod shell;

use super::artefacts::Artefact;
use crate::model::Arch;

/// Files that are the same for all tables.
const ASSETS: [(&str, &str); 6] = [
    ("site.css", include_str!("assets/site.css")),
    ("theme.js", include_str!("assets/theme.js")),
    ("values.js", include_str!("assets/values.js")),
    ("find.js", include_str!("assets/find.js")),
    ("search.js", include_str!("assets/search.js")),
    ("decoder.js", include_str!("assets/decoder.js")),
];

/// Emits every file of the site; the paths begin in its folder.
pub fn site(archs: &[Arch]) -> Vec<Artefact> {
    let file = |path: &str, text: String| Artefact { path: path.to_owned(), text };
    let mut files =
        vec![file("index.html", first::page(archs)), file("index.js", index::script(archs))];
    files.extend(ASSETS.map(|(path, text)| file(path, text.to_owned())));
    files.extend(archs.iter().map(|arch| file(&arch_path(arch), arch::page(archs, arch))));
    files
}

/// Whether `text` is a page that [`site`] emitted, now or before.
pub fn is_site_page(text: &str) -> bool {
    text.starts_with(shell::FIRST_LINES)
}

fn arch_path(arch: &Arch) -> String {
    format!("{}.html", arch.name)
}
