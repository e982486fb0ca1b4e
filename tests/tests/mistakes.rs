//! The page that compares what is said of mistakes: our part is what is said today.
//!
//! `BLESS=1 cargo test -p onereg-tests --test mistakes` rewrites it; `cargo run -p onereg-tests --bin mistakes` asks the
//! others again.

use std::{env, fs};

use onereg_tests::mistakes::{LANGUAGES, findings, mistakes, page, right, wrong};
use onereg_tests::tables::root;

#[test]
fn the_page_has_what_is_said_today() {
    let page = page().unwrap_or_else(|error| panic!("{error}"));
    let path = root().join("docs/mistakes.md");
    if env::var_os("BLESS").is_some() {
        fs::write(&path, &page).expect("the page can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(page == committed, "docs/mistakes.md is not what is said: BLESS=1 rewrites it");
}

#[test]
fn one_mistake_is_one_finding_which_says_what_to_do() {
    let right = right(&LANGUAGES[0]).unwrap_or_else(|error| panic!("{error}"));
    assert!(findings(&right).unwrap().0.is_empty());
    for mistake in mistakes() {
        let (findings, _) = findings(&wrong(mistake, 0).unwrap()).unwrap();
        assert_eq!(findings.len(), 1, "{}: {findings:#?}", mistake.name);
        assert!(findings[0].help.is_some(), "{}", mistake.name);
        wrong(mistake, 1).and_then(|_| wrong(mistake, 2)).unwrap_or_else(|error| panic!("{error}"));
    }
}
