//! `check` of every state that was recorded in the lab, on every host that was: `tests/hosts/` at the root.
//!
//! `BLESS=1` rewrites the listings; `cargo ci lab` proves that what they say is what happens.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const HOSTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/hosts");

/// What the vCPUs of a file are.
const VCPUS: [&str; 2] = ["fresh", "filled"];

#[test]
fn every_recorded_state_has_its_verdict_on_every_recorded_host() {
    let folders = sorted(Path::new(HOSTS), "");
    assert!(!folders.is_empty(), "{HOSTS} is empty");
    for folder in folders {
        let listing = listing(&folder);
        let path = folder.join("verdicts.txt");
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, &listing).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(listing, expected, "BLESS=1 rewrites {}", path.display());
    }
}

/// Lists what the check says: a section for each host, in it every state.
fn listing(folder: &Path) -> String {
    let (hosts, states) = (sorted(folder, "json"), sorted(folder, "state"));
    let mut out = String::new();
    for host in &hosts {
        writeln!(out, "on {}", name(host)).unwrap();
        for state in &states {
            let report = report(state, host);
            for (index, vcpu) in VCPUS.into_iter().enumerate() {
                write_verdict(&mut out, &format!("{} {vcpu}", name(state)), &report, index);
            }
        }
    }
    out
}

fn report(state: &Path, host: &Path) -> Value {
    let mut check = Command::new(env!("CARGO_BIN_EXE_onereg-vmm"));
    check.arg("check").arg(state).arg("--host").arg(host).args(["--format", "json"]);
    let output = check.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"))
}

/// Writes the verdict of one vCPU, and the registers behind it.
fn write_verdict(out: &mut String, subject: &str, report: &Value, vcpu: usize) {
    let mut named = BTreeMap::<&str, Vec<&str>>::new();
    let registers = report["registers"].as_array().unwrap().iter();
    for register in registers.filter(|register| register["vcpu"] == vcpu) {
        let text = |key: &str| register[key].as_str().unwrap();
        named.entry(text("verdict")).or_default().push(text("name"));
    }
    let lists = [("blocked", "blocked"), ("restorable-when-dropped", "drop")];
    let worst = lists.iter().find(|(verdict, _)| named.contains_key(verdict));
    writeln!(out, "{subject}: {}", worst.map_or("restorable", |(verdict, _)| verdict)).unwrap();
    for (verdict, what) in lists {
        if let Some(names) = named.get_mut(verdict) {
            names.sort_unstable();
            writeln!(out, "  {what}: {}", names.join(" ")).unwrap();
        }
    }
}

/// Returns what is in a folder with that extension, by name.
fn sorted(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_wanted = |path: &PathBuf| path.extension().unwrap_or_default() == extension;
    let mut paths: Vec<PathBuf> = entries.filter(is_wanted).collect();
    paths.sort_by(|a, b| name(a).cmp(name(b)));
    paths
}

fn name(path: &Path) -> &str {
    path.file_stem().unwrap().to_str().unwrap()
}
