//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::hosts::{self, HOSTS, Host};
use crate::machine::Settings;
use crate::size;
use crate::version::Version;

/// Runs a program of this workspace in an emulated host whose kernel offers /dev/kvm.
///
/// The program's stdout goes to stdout, everything else to stderr. The exit status is the program's (128 and the number
/// of the signal that ended it), or 2 for wrong usage, 123 for a kernel that cannot be had, 124 for a time-out, and 125
/// for everything else that fails before the program ends.
#[derive(Parser)]
#[command(name = "cargo lab", bin_name = "cargo lab")]
struct Options {
    /// Architecture of the host; `list` prints what can run.
    #[arg(value_name = "ARCH", value_parser = PossibleValuesParser::new(names()))]
    host: String,
    /// Version of Linux, or the beginning of one: 6.12, 7, 7.3.4; the newest by default.
    #[arg(long, value_name = "VERSION", value_parser = version)]
    kernel: Option<Version>,
    /// CPU model of QEMU, with features.
    #[arg(long, value_name = "MODEL")]
    cpu: Option<String>,
    /// More properties of QEMU's machine.
    #[arg(long, value_name = "NAME=VALUE,...")]
    machine: Option<String>,
    /// Number of CPUs.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    smp: u32,
    /// Memory in bytes, or with K, M or G behind.
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    memory: Option<u64>,
    /// More of the kernel's command line.
    #[arg(long, value_name = "STR", allow_hyphen_values = true)]
    append: Option<String>,
    /// How long the host may run.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// File to copy into the host, and its absolute path there.
    #[arg(long, value_name = "HOST:GUEST", value_parser = copied)]
    file: Vec<Copied>,
    /// Another program of this workspace, which the host has in /bin.
    #[arg(long, value_name = "PROGRAM")]
    also: Vec<String>,
    /// Give the host what guests of the program can boot: /guest/kernel, which is the host's own, /guest/initramfs, and
    /// /guest/disk with an empty file system.
    #[arg(long)]
    guest: bool,
    /// Give the host Debian's QEMU for its architecture, which runs such guests, too.
    #[arg(long)]
    qemu: bool,
    /// Install missing Debian packages (as root); implied by CI=true.
    #[arg(long)]
    install: bool,
    /// Binary target of this workspace, and its arguments.
    #[arg(last = true, value_name = "PROGRAM ARGS")]
    program: Vec<String>,
}

/// A file to copy into the host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Copied {
    /// Its path here.
    pub from: PathBuf,
    /// Its absolute path there.
    pub to: String,
}

/// What is asked.
#[derive(Debug)]
pub enum Request {
    /// To list what can run.
    List,
    /// To run a program.
    Run(Box<Run>),
}

/// A program to run, and where.
#[derive(Debug)]
pub struct Run {
    /// The host.
    pub host: &'static Host,
    /// The kernel; the newest where none is named.
    pub kernel: Option<Version>,
    /// The machine.
    pub settings: Settings,
    /// Files to copy into the host.
    pub files: Vec<Copied>,
    /// Other programs that the host has.
    pub also: Vec<String>,
    /// Whether the host has what guests can boot.
    pub guest: bool,
    /// Whether the host has QEMU.
    pub qemu: bool,
    /// Whether missing packages may be installed.
    pub install: bool,
    /// The program's name.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// Reads a command line, the first word of which is the lab's own name.
///
/// # Errors
///
/// Returns what to print, and the exit status.
pub fn parse(
    words: impl IntoIterator<Item: Into<OsString> + Clone>,
) -> Result<Request, clap::Error> {
    let options = Options::try_parse_from(words)?;
    let Some(host) = hosts::by_name(&options.host) else { return Ok(Request::List) };
    let mut words = options.program.into_iter();
    let Some(program) = words.next() else {
        let text = "name a program of this workspace after `--`, such as `-- onereg-vmm probe`";
        return Err(Options::command().error(ErrorKind::MissingRequiredArgument, text));
    };
    let settings = Settings {
        cpu: options.cpu,
        machine: options.machine,
        smp: options.smp,
        memory: options.memory,
        append: options.append,
        time: Duration::from_secs(options.timeout),
    };
    Ok(Request::Run(Box::new(Run {
        host,
        kernel: options.kernel,
        settings,
        files: options.file,
        also: options.also,
        guest: options.guest,
        qemu: options.qemu,
        install: options.install,
        program,
        arguments: words.collect(),
    })))
}

fn names() -> Vec<&'static str> {
    let hosts = HOSTS.iter().flat_map(|host| [&[host.name], host.aliases].concat());
    hosts.chain(["list"]).collect()
}

fn version(text: &str) -> Result<Version, String> {
    Version::parse(text).ok_or_else(|| "expected a version such as 6.12 or 7".to_owned())
}

fn copied(text: &str) -> Result<Copied, String> {
    let (from, to) = text.rsplit_once(':').ok_or("expected HOST:GUEST")?;
    let parts: Vec<&str> = to.split('/').collect();
    let names = parts.get(1..).unwrap_or_default();
    let whole = names.iter().all(|name| !["", ".", ".."].contains(name));
    if from.is_empty() || !parts[0].is_empty() || names.is_empty() || !whole {
        return Err("expected the path of a file, and its absolute path in the host".to_owned());
    }
    Ok(Copied { from: PathBuf::from(from), to: to.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(line: &str) -> Result<Run, clap::Error> {
        match parse(format!("lab {line}").split(' '))? {
            Request::Run(run) => Ok(*run),
            Request::List => unreachable!("the line names a host"),
        }
    }

    #[test]
    fn every_option_arrives() {
        let line = "riscv64 --kernel 6.12 --cpu max,h=on --machine x=y --smp 2 --memory 2G --append a=b --timeout 9 \
                    --file a/b:/c/d --file e:/f --also x --guest --qemu --install -- onereg-vmm probe --format json";
        let run = run(line).expect("a good line");
        assert_eq!(run.host.name, "riscv");
        assert_eq!(run.kernel, Version::parse("6.12"));
        let settings = Settings {
            cpu: Some("max,h=on".into()),
            machine: Some("x=y".into()),
            smp: 2,
            memory: Some(2 << 30),
            append: Some("a=b".into()),
            time: Duration::from_secs(9),
        };
        assert_eq!(run.settings, settings);
        assert_eq!(run.files[0], Copied { from: "a/b".into(), to: "/c/d".into() });
        assert_eq!(run.files.len(), 2);
        assert_eq!(run.also, ["x"]);
        assert!(run.guest && run.qemu && run.install);
        assert_eq!(run.program, "onereg-vmm");
        assert_eq!(run.arguments, ["probe", "--format", "json"]);
    }

    #[test]
    fn hosts_have_the_names_of_the_kernel_and_of_users() {
        for (name, host) in [
            ("arm64", "arm64"),
            ("riscv", "riscv"),
            ("x86", "x86"),
            ("x86_64", "x86"),
            ("powerpc", "powerpc"),
        ] {
            assert_eq!(run(&format!("{name} -- p")).expect("a host").host.name, host);
        }
        assert!(matches!(parse(["lab", "list"]), Ok(Request::List)));
    }

    #[test]
    fn what_is_wrong_is_wrong_usage() {
        let lines = [
            "",
            "s390 -- p",
            "arm64",
            "arm64 --",
            "arm64 onereg-vmm",
            "arm64 --kernel newest -- p",
            "arm64 --smp 0 -- p",
            "arm64 --memory 1T -- p",
            "arm64 --timeout 0 -- p",
            "arm64 --file a -- p",
            "arm64 --file a:b -- p",
            "arm64 --file a:/ -- p",
            "arm64 --file a:/b/../c -- p",
        ];
        for line in lines {
            let error = run(line).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
}
