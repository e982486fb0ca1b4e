//! Benchmarks: every figure is a ratio, or stands beside what it is to be compared with in the same run.
//!
//! `cargo run --release -p onereg-tests --bin bench [generator|compile|access|lookup|state|vmm|peers]...`; without a name,
//! all but `vmm`, which needs QEMU, and `peers`, which installs programs of others. Each measurement is the best of
//! several, for machines that are shared. Nothing here fails: the targets are printed beside the figures.

mod access;
mod best;
mod compile;
mod generator;
mod lookup;
mod peers;
mod processor;
mod state;
mod synthetic;
mod vmm;

use std::env;
use std::process::ExitCode;

/// Measures one thing and prints its figures.
type Bench = fn() -> Result<(), String>;

const BENCHES: &[(&str, Bench)] = &[
    ("generator", generator::run),
    ("compile", compile::run),
    ("access", access::run),
    ("lookup", lookup::run),
    ("state", state::run),
    ("vmm", vmm::run),
    ("peers", peers::run),
];

/// What runs only when it is named.
const ON_REQUEST: &[&str] = &["vmm", "peers"];

fn main() -> ExitCode {
    let wanted: Vec<String> = env::args().skip(1).collect();
    if let Some(unknown) = wanted.iter().find(|name| BENCHES.iter().all(|(known, _)| known != name))
    {
        let known: Vec<_> = BENCHES.iter().map(|(name, _)| *name).collect();
        eprintln!("bench: no benchmark is called `{unknown}`: there are {}", known.join(", "));
        return ExitCode::from(2);
    }
    for (name, bench) in BENCHES {
        let chosen = match wanted.as_slice() {
            [] => !ON_REQUEST.contains(name),
            wanted => wanted.iter().any(|wanted| wanted == name),
        };
        if !chosen {
            continue;
        }
        println!("{name}");
        if let Err(error) = bench() {
            eprintln!("bench: {name}: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
