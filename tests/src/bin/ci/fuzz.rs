//! Fuzzing: the targets of `tests/fuzz`, each for a bounded time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use onereg::arm64::{PC, X};
use onereg::{Arm64, Reg};
use onereg_codegen::group_files;
use onereg_tests::command::run;

use crate::Context;

const TARGETS: &[&str] = &[
    "tables", "queries", "values", "states", "profiles", "devices", "kernels", "options", "sockets",
];

/// Seconds of each target, in a short and in a long run.
const SECONDS: (u32, u32) = (15, 600);

const OUTPUT: &str = "target/fuzz";

/// What libFuzzer needs of the compiler: counters at every edge, the operands of comparisons.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions=on \
     -Coverflow-checks=on";

/// Builds the targets and runs each one; an input that makes one fail is named, and stays in `target/fuzz`.
pub(crate) fn check(context: &Context) -> Result<String, String> {
    let host = host()?;
    let mut cargo = Command::new("cargo");
    cargo.env("RUSTFLAGS", FLAGS).args(["build", "--release", "--package", "onereg-fuzz"]);
    // With a target named, the flags do not reach build scripts.
    cargo.args(["--target", &host, "--target-dir", OUTPUT]);
    run(&mut cargo)?;
    write_seeds().map_err(|error| format!("cannot write the seeds: {error}"))?;
    let seconds = if context.long { SECONDS.1 } else { SECONDS.0 };
    for target in TARGETS {
        let corpus = format!("{OUTPUT}/corpus/{target}");
        fs::create_dir_all(&corpus).map_err(|error| format!("{corpus}: {error}"))?;
        let mut fuzzer = Command::new(format!("{OUTPUT}/{host}/release/{target}"));
        fuzzer.arg(format!("-max_total_time={seconds}"));
        fuzzer.args(["-timeout=20", "-rss_limit_mb=2048", "-max_len=65536"]);
        fuzzer.arg(format!("-artifact_prefix={OUTPUT}/failed-{target}-"));
        fuzzer.args([&corpus, &seeds(target)]);
        run(&mut fuzzer)?;
    }
    Ok(format!("{} targets, {seconds} s each", TARGETS.len()))
}

fn host() -> Result<String, String> {
    let version = run(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "`rustc -vV` names no host".to_owned())
}

fn seeds(target: &str) -> String {
    format!("{OUTPUT}/seeds/{target}")
}

/// Writes every table of this repository, and every case of the front end, as the targets read them.
fn write_seeds() -> std::io::Result<()> {
    for target in TARGETS {
        fs::create_dir_all(seeds(target))?;
    }
    let mut folders = folders("tests/cases")?;
    folders.extend(self::folders("registers")?);
    for folder in folders {
        let Ok(arch) = fs::read_to_string(folder.join("arch.yaml")) else { continue };
        let files = group_files(&arch);
        let groups = files.iter().map(|file| fs::read_to_string(folder.join(file)));
        let groups = groups.map(|text| text.unwrap_or_default());
        let texts: Vec<String> = [arch].into_iter().chain(groups).collect();
        let name = folder.file_name().unwrap_or_default();
        fs::write(Path::new(&seeds("tables")).join(name), texts.join("\n%%\n"))?;
    }
    let state = fs::read("runtime/tests/state/golden/1.state")?;
    // The target puts header and checksum around its input itself.
    let contents = state.get(18..state.len().saturating_sub(4)).unwrap_or_default();
    fs::write(Path::new(&seeds("states")).join("contents"), contents)?;
    fs::write(Path::new(&seeds("states")).join("file"), &state)?;
    fs::write(Path::new(&seeds("profiles")).join("profile"), profile())?;
    fs::write(Path::new(&seeds("options")).join("options"), OPTIONS)?;
    fs::write(Path::new(&seeds("values")).join("fields"), "SPSR { N: 1, M: EL1h } 0x80000005")
}

/// Options of every kind.
const OPTIONS: &str =
    r#"{"kernel": "vmlinuz", "cpus": 2, "memory": "64M", "disk": ["a", "b,ro"], "timings": true}"#;

/// Returns the profile of a host with two registers, a mask, and a register that no table has.
fn profile() -> String {
    let register = |register: Reg<Arm64, u64>| {
        let id = register.id().unwrap_or_default();
        format!(r#"{{"name": "", "id": "{id:#018x}", "value": "0xffffffffffffffff"}}"#)
    };
    let registers = [register(PC), register(X[0])].join(", ");
    format!(
        r#"{{"arch": "arm64", "kernel": "7.3", "registers": [{registers}], "unknown": ["0x1"], "writable": {{"MIDR_EL1": "0x00000000ffffffff"}}}}"#
    )
}

fn folders(path: &str) -> std::io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(path)?.flatten().map(|entry| entry.path());
    Ok(entries.filter(|path| path.is_dir()).collect())
}
