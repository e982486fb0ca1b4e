//! The command line.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use log::LevelFilter;

use crate::size;

/// A small KVM virtual machine monitor whose CPU state goes through typed registers.
///
/// Exit status: 0 when the guest powers off, 1 when a VM cannot start or fails, 2 on wrong usage, 3 when the guest
/// crashes, 130 after Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "onereg-vmm", version)]
pub(crate) struct Cli {
    /// KVM device
    #[arg(long, global = true, value_name = "FILE", default_value = "/dev/kvm")]
    pub(crate) kvm: PathBuf,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the typed registers of every architecture, then run the built-in guest (the default)
    Demo,
    /// Run a guest: a Linux kernel, or the built-in guest
    Run(Box<RunOptions>),
    /// Print the host profile: every register that a vCPU of this host has, with its value
    Probe(ProbeOptions),
    /// Show or compare files of vCPU states, of any architecture
    #[command(subcommand)]
    State(StateCommand),
    /// Judge whether states can be restored on a host; the exit status is 1 unless they can as they are
    Check(CheckOptions),
}

#[derive(Debug, Args)]
pub(crate) struct CheckOptions {
    /// File that `run --dump` wrote
    #[arg(value_name = "STATE")]
    pub(crate) state: PathBuf,

    /// Profile of the host, as `probe --format json` prints it
    #[arg(long, value_name = "PROFILE")]
    pub(crate) host: PathBuf,

    /// Format of the output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StateCommand {
    /// Print the registers of a file with their fields
    Show(ShowOptions),
    /// Print what differs between two files; the exit status is 1 where anything does
    Diff(DiffOptions),
}

#[derive(Debug, Args)]
pub(crate) struct ShowOptions {
    /// File that `run --dump` wrote
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Registers to print; without one, all
    #[arg(value_name = "REGISTER")]
    pub(crate) registers: Vec<String>,

    /// Format of the output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct DiffOptions {
    /// First file
    #[arg(value_name = "A")]
    pub(crate) a: PathBuf,

    /// Second file
    #[arg(value_name = "B")]
    pub(crate) b: PathBuf,

    /// Format of the output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    /// Kernel image; without it the built-in guest runs
    #[arg(long, value_name = "FILE")]
    pub(crate) kernel: Option<PathBuf>,

    /// Initial ramdisk of the kernel
    #[arg(long, value_name = "FILE", requires = "kernel")]
    pub(crate) initrd: Option<PathBuf>,

    /// Command line of the guest; of the built-in one: `wait` runs until Ctrl-C, `crash` ends in a triple fault (x86)
    #[arg(long, value_name = "STR", default_value = "")]
    pub(crate) cmdline: String,

    /// Number of vCPUs; of the built-in guest the first prints, and all change their registers
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) cpus: u16,

    /// Memory of the guest in bytes, or with K, M, G
    #[arg(long, value_name = "SIZE", default_value = "128M", value_parser = size::parse)]
    pub(crate) memory: u64,

    /// Take the guest's memory from the huge pages of 2M that the host has set aside
    #[arg(long)]
    pub(crate) hugepages: bool,

    /// Disk: a raw file, read-only with `,ro`; requests go through io_uring where the host has it
    #[arg(long, value_name = "FILE[,ro][,engine=sync|io_uring]")]
    pub(crate) disk: Vec<String>,

    /// How the guest reaches its virtio devices: stock kernels of distributions have both
    #[arg(long, value_enum, default_value_t = Transport::Pci)]
    pub(crate) transport: Transport,

    /// Network interface on a tap device; without an address the guest takes a random one
    #[arg(long, value_name = "tap=NAME[,mac=MAC]")]
    pub(crate) net: Vec<String>,

    /// Sockets between host and guest: `CONNECT PORT` at this socket, as a line, reaches a port of the guest, which
    /// reaches a port of the host at PATH_PORT
    #[arg(long, value_name = "cid=N,socket=PATH")]
    pub(crate) vsock: Option<String>,

    /// Balloon: so much memory the guest is to give back to the host, as far as it can; with `oom` it takes some back
    /// rather than kill a program; a datagram to the socket is another target
    #[arg(long, value_name = "target=SIZE[,oom][,socket=PATH]")]
    pub(crate) balloon: Option<String>,

    /// Where the guest's serial port goes: stdio (on a terminal Ctrl-A x ends the guest), a file, or none
    #[arg(long, value_name = "stdio|FILE|none", default_value = "stdio")]
    pub(crate) console: PathBuf,

    /// Virtio console (hvc0), and where it goes; only one console has stdio
    #[arg(long, value_name = "stdio|FILE|none")]
    pub(crate) virtio_console: Option<PathBuf>,

    /// Registers and fields of every vCPU whose changes, from one exit to the next, are printed at the end
    #[arg(long, value_name = "NAME[.FIELD],...", value_delimiter = ',')]
    pub(crate) trace: Vec<String>,

    /// Where the state of every vCPU goes when the guest ends or crashes
    #[arg(long, value_name = "FILE")]
    pub(crate) dump: Option<PathBuf>,

    /// These options as a JSON object, {"cpus": 2}; what the command line gives too, it decides
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Where messages go, one JSON object a line; without it warnings and errors go to stderr, for people
    #[arg(long, value_name = "stderr|FILE")]
    pub(crate) log: Option<PathBuf>,

    /// What is least important of what the log takes
    #[arg(long, value_name = "LEVEL", default_value = "info", requires = "log", value_parser = level())]
    pub(crate) log_level: LevelFilter,

    /// Where counts of exits and of device accesses, and the memory in use go: a JSON object every second and at the end
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics: Option<PathBuf>,

    /// What becomes of a system call that a thread is not made for: it ends the program, is logged by the kernel, or made
    #[arg(long, value_enum, default_value_t = Seccomp::On)]
    pub(crate) seccomp: Seccomp,

    /// Whether the host's files and networks are closed to the program while a guest runs
    #[arg(long, value_enum, default_value_t = Landlock::On)]
    pub(crate) landlock: Landlock,

    /// Print at the end when the start reached which point
    #[arg(long)]
    pub(crate) timings: bool,
}

fn level() -> impl TypedValueParser<Value = LevelFilter> {
    let levels = ["error", "warn", "info", "debug", "trace"];
    PossibleValuesParser::new(levels).try_map(|level| level.parse::<LevelFilter>())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    /// A PCI bus with messages as interrupts, or lines where the host takes no messages
    Pci,
    /// Registers in memory and a line each
    Mmio,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Seccomp {
    /// It ends the program
    On,
    /// It is made, and the kernel logs it
    Log,
    /// It is made
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Landlock {
    /// They are closed
    On,
    /// They stay open
    Off,
}

#[derive(Debug, Args)]
pub(crate) struct ProbeOptions {
    /// Features of the vCPU: all that the host has, none, or a list of names
    #[arg(long, value_name = "all|none|LIST", default_value = "all")]
    pub(crate) features: String,

    /// Format of the output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}
