//! The first process of a lab's host: prepares the system, runs one program, reports how it ended, powers off.

mod ports;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use onereg_lab_init::{COMMAND, ERRORS, OUTPUT, Record, STATUS, modules, system};

fn main() {
    let ended = prepare().and_then(|mut status| {
        let record = run().unwrap_or_else(Record::Failed);
        let failed = |error| format!("cannot report {record:?}: {error}");
        status.write_all(record.to_string().as_bytes()).map_err(failed)
    });
    if let Err(error) = ended {
        // There is no port yet: the console is all that is left.
        eprintln!("onereg-lab-init: {error}");
    }
    system::power_off();
}

/// Mounts the kernel's file systems and opens the port of the status.
fn prepare() -> Result<File, String> {
    for (kind, folder) in [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")] {
        system::mount(kind, folder).map_err(|error| format!("cannot mount {folder}: {error}"))?;
    }
    ports::open(STATUS)
}

/// Loads the modules and runs the program to its end.
fn run() -> Result<Record, String> {
    modules::load()?;
    if !Path::new("/dev/kvm").exists() {
        return Err("the host's kernel offers no /dev/kvm".to_owned());
    }
    let words = fs::read_to_string(COMMAND).map_err(|error| format!("{COMMAND}: {error}"))?;
    let mut words = words.split_terminator('\0');
    let program = words.next().ok_or_else(|| format!("{COMMAND} names no program"))?;
    let mut command = Command::new(program);
    // In the lab nothing may be skipped.
    command.args(words).env("CI", "true").env("PATH", "/bin").current_dir("/");
    command.stdin(Stdio::null()).stdout(ports::open(OUTPUT)?).stderr(ports::open(ERRORS)?);
    let status = command.status().map_err(|error| format!("cannot run {program}: {error}"))?;
    Ok(record(status))
}

fn record(status: ExitStatus) -> Record {
    let byte = |number: i32| u8::try_from(number).unwrap_or(u8::MAX);
    match (status.code(), status.signal()) {
        (Some(code), _) => Record::Exited(byte(code)),
        (None, signal) => Record::Killed(byte(signal.unwrap_or_default())),
    }
}
