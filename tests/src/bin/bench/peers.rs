//! Generators of others, on inputs that say the same: how long they take, and what their output costs to compile.
//!
//! They are installed into `target/bench/peers` and so are not part of CI. Ours is timed from texts to text within this
//! process, theirs as the programs that they are, which adds a few milliseconds.

mod inputs;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use onereg_tests::command::run as command;
use onereg_tests::peers;

use crate::best::{self, ratio};
use crate::synthetic::Fields;
use crate::{compile, processor};

/// Numbers of registers, with four fields each.
const SIZES: [usize; 2] = [1000, 4000];

/// A generator.
struct Peer {
    name: &'static str,
    /// Package, version and program; none for ours.
    program: Option<[&'static str; 3]>,
    /// What its output depends on.
    dependencies: &'static str,
    /// Generates the output in a folder from so many registers.
    generate: fn(&Path, usize) -> Result<Duration, String>,
}

const PEERS: &[Peer] = &[
    Peer {
        name: "onereg",
        program: None,
        dependencies: "onereg = { path = \"../../../../runtime\", default-features = false }",
        generate: onereg,
    },
    Peer {
        name: "svd2rust 0.37.1",
        program: Some(["svd2rust", "0.37.1", "svd2rust"]),
        dependencies: "vcell = \"0.1\"",
        generate: svd2rust,
    },
    Peer {
        name: "device-driver 2.2.0",
        program: Some(["device-driver-cli", "2.2.0", "ddc"]),
        dependencies: "device-driver = \"=2.2.0\"",
        generate: device_driver,
    },
];

/// What one generator takes for one number of registers.
struct Cost {
    generation: Duration,
    bytes: u64,
    check: Duration,
    release: Duration,
}

pub(crate) fn run() -> Result<(), String> {
    PEERS.iter().try_for_each(install)?;
    for size in SIZES {
        let costs =
            PEERS.iter().map(|peer| measure(peer, size)).collect::<Result<Vec<_>, String>>()?;
        println!("  {size} registers with 4 fields (targets: 5 times faster, cheapest to compile)");
        for (peer, cost) in PEERS.iter().zip(&costs) {
            print(peer.name, size, cost, &costs[0]);
        }
    }
    Ok(())
}

fn print(name: &str, size: usize, cost: &Cost, ours: &Cost) {
    println!(
        "    {name}: generated in {:.0?} ({:.1} times ours, {:.0} registers/s), {} kB, check {:.2?} ({:.1} times ours), release build {:.2?} ({:.1} times ours)",
        cost.generation,
        ratio(cost.generation, ours.generation),
        size as f64 / cost.generation.as_secs_f64(),
        cost.bytes / 1000,
        cost.check,
        ratio(cost.check, ours.check),
        cost.release,
        ratio(cost.release, ours.release),
    );
}

fn install(peer: &Peer) -> Result<(), String> {
    let Some([package, version, program]) = peer.program else { return Ok(()) };
    peers::install(package, version, program).map(drop)
}

fn measure(peer: &Peer, size: usize) -> Result<Cost, String> {
    let package = peer.program.map_or("onereg", |[package, ..]| package);
    let folder = peers::folder().join(format!("{package}-{size}"));
    let source = folder.join("src/lib.rs");
    let manifest = format!(
        "[package]\nname = \"{package}-{size}\"\nedition = \"2021\"\n[dependencies]\n{}\n[workspace]\n",
        peer.dependencies
    );
    write(&source, "")?;
    write(&folder.join("Cargo.toml"), &manifest)?;
    let cargo = |arguments: &[&str]| {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(&folder).arg(arguments[0]).args(["--quiet", "--target-dir", "../output"]);
        command(cargo.args(&arguments[1..]).env("RUSTFLAGS", "--cap-lints=allow"))
    };
    // The dependencies are compiled before, with nothing that uses them.
    cargo(&["check"])?;
    cargo(&["build", "--release"])?;
    let generation = (peer.generate)(&folder, size)?;
    let bytes = fs::metadata(&source).map_err(|error| error.to_string())?.len();
    let time = |arguments: &[&str]| {
        let touched = fs::File::options().append(true).open(&source);
        touched
            .and_then(|file| file.set_modified(std::time::SystemTime::now()))
            .map_err(|error| error.to_string())?;
        let before = processor::of_children()?;
        cargo(arguments)?;
        Ok::<_, String>(processor::of_children()? - before)
    };
    let check = time(&["check"])?.min(time(&["check"])?);
    Ok(Cost { generation, bytes, check, release: time(&["build", "--release"])? })
}

fn onereg(folder: &Path, size: usize) -> Result<Duration, String> {
    let mut text = Ok(String::new());
    let time = best::of(5, || text = compile::generated(size, Fields::Plain));
    write(&folder.join("src/lib.rs"), &text?)?;
    Ok(time)
}

fn svd2rust(folder: &Path, size: usize) -> Result<Duration, String> {
    let input = folder.join("input.svd");
    write(&input, &inputs::svd(size))?;
    let mut program = Command::new(peers::folder().join("bin/svd2rust"));
    program.args(["--target", "none", "--output-dir"]).arg(folder.join("src"));
    time(program.arg("-i").arg(input))
}

fn device_driver(folder: &Path, size: usize) -> Result<Duration, String> {
    let input = folder.join("input.ddsl");
    write(&input, &inputs::ddsl(size))?;
    let mut program = Command::new(peers::folder().join("bin/ddc"));
    program.arg("build").arg("-s").arg(input).arg("-o").arg(folder.join("src/lib.rs"));
    time(program.arg("rust"))
}

/// The shortest of three runs.
fn time(program: &mut Command) -> Result<Duration, String> {
    let mut result = Ok(String::new());
    let time = best::of(3, || {
        let this = command(program);
        result = std::mem::replace(&mut result, Ok(String::new())).and(this);
    });
    result.map(|_| time)
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    path.parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(path, text))
        .map_err(|error| format!("{}: {error}", path.display()))
}
