//! The front end of the generator and the formatter, on any text.

use std::collections::HashMap;
use std::str;

use onereg_codegen::emit::artefacts::artefacts;
use onereg_codegen::emit::rust;
use onereg_codegen::format::format;
use onereg_codegen::{Sources, load, render};

/// Separates `arch.yaml` from the files of its groups.
const NEXT_FILE: &str = "\n%%\n";

/// Loads tables and writes what comes of them: text, or findings.
///
/// The input is `arch.yaml` and, behind each line `%%`, the file of the next group.
pub fn tables(input: &[u8]) {
    let Ok(input) = str::from_utf8(input) else { return };
    let mut files = input.split(NEXT_FILE);
    let sources = Sources::gather("arch.yaml", |path| {
        files.next().map(str::to_owned).ok_or_else(|| format!("{path} is missing"))
    });
    let texts = sources.paths().map(|path| (path, sources.text(path).unwrap_or_default()));
    let formatted: HashMap<_, _> =
        texts.map(|(path, text)| (path.to_owned(), formatted(path, text))).collect();
    match load(&sources) {
        Ok(arch) => {
            let again = load(&Sources::gather("arch.yaml", |path| Ok(formatted[path].clone())));
            let again = again.expect("formatted, the tables are as right as before");
            assert_eq!(format!("{again:?}"), format!("{arch:?}"));
            let module = rust::emit(&arch, rust::ValueTypes::Own);
            assert!(!module.contains("unsafe "), "generated code has no unsafe block");
            artefacts(&[arch]);
        }
        Err(findings) => {
            assert!(!findings.is_empty(), "an error says why");
            for finding in &findings {
                assert!(finding.span.line > 0 && finding.span.column > 0, "{finding}");
                render::text(finding, &sources, false);
            }
        }
    }
}

/// A text in its one form; a text that has none stays.
fn formatted(path: &str, text: &str) -> String {
    let Ok(formatted) = format(path, text) else { return text.to_owned() };
    assert_eq!(format(path, &formatted).as_ref(), Ok(&formatted), "formatted twice");
    formatted
}
