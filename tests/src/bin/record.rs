//! Records the hosts of `tests/hosts/` anew: every profile, every file of states, and the verdicts.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use onereg_tests::command::{line, run};
use onereg_tests::hosts::{RECORDED, Recorded};
use serde_json::Value;

fn main() -> ExitCode {
    let only: Vec<String> = env::args().skip(1).collect();
    let is_wanted =
        |host: &&Recorded| only.is_empty() || only.iter().any(|arch| *arch == host.arch);
    let recorded = RECORDED.iter().filter(is_wanted).try_for_each(record).and_then(|()| bless());
    match recorded {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("record: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Records one host.
fn record(host: &Recorded) -> Result<(), String> {
    println!("{} {}", host.arch, host.name);
    let profile = output(host, &["onereg-vmm", "probe", "--format", "json"])?;
    let profile: Value =
        serde_json::from_slice(&profile).map_err(|error| format!("no profile: {error}"))?;
    write(&host.profile(), format!("{profile}\n").as_bytes())?;
    write(&host.state(), &output(host, &["onereg-live", "save"])?)
}

/// Runs a program in the host, and returns what it wrote.
fn output(host: &Recorded, program: &[&str]) -> Result<Vec<u8>, String> {
    let mut lab = host.lab();
    lab.arg("--").args(program);
    let output = lab.output().map_err(|error| format!("cannot run `{}`: {error}", line(&lab)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{}`: {}\n{}", line(&lab), output.status, said.trim_end()));
    }
    Ok(output.stdout)
}

fn write(path: &Path, content: &[u8]) -> Result<(), String> {
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    let written = folder.and_then(|()| fs::write(path, content));
    written.map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// Rewrites the verdicts.
fn bless() -> Result<(), String> {
    let mut test = Command::new("cargo");
    test.env("BLESS", "1").args(["test", "--quiet", "--package", "onereg-vmm", "--test", "hosts"]);
    run(&mut test).map(|_| ())
}
