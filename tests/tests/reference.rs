//! The committed reference: what it shows as Rust compiles.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use onereg_tests::command::run;
use onereg_tests::compiler::rustc;
use onereg_tests::tables::{ARCHS, root};

/// The lines of Rust that a page shows.
fn lines(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap();
    let shown =
        text.lines().filter_map(|line| line.strip_prefix("- in Rust: `")?.strip_suffix('`'));
    shown.map(ToOwned::to_owned).collect()
}

#[test]
fn what_it_shows_as_rust_compiles() {
    let mut program = "use onereg::Registers;\n".to_owned();
    for arch in ARCHS {
        let pages = fs::read_dir(root().join("docs").join(arch)).unwrap();
        let pages = pages.map(|page| page.unwrap().path());
        let mut shown: Vec<_> =
            pages.filter(|page| page.is_file()).flat_map(|page| lines(&page)).collect();
        shown.sort();
        assert!(10 < shown.len(), "{arch}: {}", shown.len());
        let name = format!("{}{}", arch[..1].to_uppercase(), &arch[1..]);
        writeln!(
            program,
            "pub fn {arch}<T: Registers<onereg::{name}>>(vcpu: &T) -> Result<(), onereg::Error> {{"
        )
        .unwrap();
        for line in shown {
            let value =
                if line.contains("value") { "let value = Default::default(); " } else { "" };
            writeln!(program, "    {{ {value}let _ = {line}; }}").unwrap();
        }
        program.push_str("    Ok(())\n}\n");
    }
    let file = root().join("target/tmp/reference.rs");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, program).unwrap();
    let mut rustc = rustc().unwrap_or_else(|error| panic!("{error}"));
    rustc.args(["--emit=metadata", "-o"]).arg(file.with_extension("rmeta"));
    run(rustc.arg(&file)).unwrap_or_else(|error| panic!("{error}"));
}
