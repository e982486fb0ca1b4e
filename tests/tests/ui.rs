//! Programs that must compile without a warning, and programs that must not compile and say why.
//!
//! `TRYBUILD=overwrite cargo test -p onereg-tests --test ui` rewrites what the latter say.

use std::fs;
use std::path::Path;

#[test]
fn programs_compile_or_say_why_not() {
    provide_tables();
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.compile_fail("ui/fail/*.rs");
}

/// Puts the tables beside the package in which the programs are compiled, where `registers!` looks for them.
fn provide_tables() {
    let tables = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/tables");
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../tests/trybuild/onereg-tests");
    copy(&tables, &package.join("tables"));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the target folder takes the tables");
    for entry in fs::read_dir(from).expect("the tables are there") {
        let path = entry.expect("the tables are readable").path();
        let to = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).expect("the target folder takes the tables");
        }
    }
}
