//! Arguments.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use onereg_codegen::model::Host;

/// Checks and queries register tables, and generates what is committed from them.
#[derive(Debug, Parser)]
#[command(name = "onereg", version)]
pub(crate) struct Args {
    /// Folder of the register tables
    #[arg(long, global = true, value_name = "DIR", default_value = "registers/")]
    pub(crate) tables: PathBuf,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check tables: exit 0 when they are valid, 1 otherwise
    Check(CheckArgs),
    /// Write tables in their one form: keys in order, comments kept
    Fmt(FmtArgs),
    /// Write docs/, registers/schema.json and tests/golden/
    Generate(GenerateArgs),
    /// List every register, one a line
    List(ListArgs),
    /// Print what the tables say of a register
    Show(ShowArgs),
    /// Take an id apart, and a value of its register
    Decode(DecodeArgs),
    /// Compare two table folders: exit 0 when they say the same, 1 otherwise
    Diff(DiffArgs),
    /// Print the id of a register
    Encode(EncodeArgs),
    /// Propose a row for every id that no table has: exit 1 where an id has no place
    Import(ImportArgs),
    /// Write a row into its group's file, behind the one with the next lower number; a terminal is asked for what is not given
    New(NewArgs),
    /// Say what the code of a finding means, with a wrong and a right example
    Explain(ExplainArgs),
    /// Print the JSON Schema of a table
    Schema,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CheckArgs {
    /// Table files or folders to report on; all architectures without one
    pub(crate) paths: Vec<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct FmtArgs {
    /// Write nothing; exit 1 when a file would change
    #[arg(long)]
    pub(crate) check: bool,
    /// Table files or folders; all architectures without one
    pub(crate) paths: Vec<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct GenerateArgs {
    /// Write nothing; exit 1 when a file is not up to date
    #[arg(long)]
    pub(crate) check: bool,
    /// Root of the repository; default: the parent of the table folder
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Write the reference as a site of HTML pages into this folder, and nothing else
    #[arg(long, value_name = "DIR", group = "elsewhere", conflicts_with_all = ["check", "out"])]
    pub(crate) site: Option<PathBuf>,
    /// Write the tables, resolved, as a JSON file per architecture into this folder, and nothing else
    #[arg(long, value_name = "DIR", group = "elsewhere", conflicts_with_all = ["check", "out"])]
    pub(crate) json: Option<PathBuf>,
    /// Write ids and fields as C headers, one for each architecture and XLEN, into this folder, and nothing else
    #[arg(long, value_name = "DIR", group = "elsewhere", conflicts_with_all = ["check", "out"])]
    pub(crate) c_header: Option<PathBuf>,
    /// Write the tables as reStructuredText in the form of the kernel's api.rst into this folder, and nothing else
    #[arg(long, value_name = "DIR", group = "elsewhere", conflicts_with_all = ["check", "out"])]
    pub(crate) rst: Option<PathBuf>,
    /// Write registers and fields as target descriptions of gdb into this folder, and nothing else
    #[arg(long, value_name = "DIR", group = "elsewhere", conflicts_with_all = ["check", "out"])]
    pub(crate) gdb: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ListArgs {
    /// Only this architecture; may be repeated
    #[arg(long, value_name = "ARCH")]
    pub(crate) arch: Vec<String>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: ListFormat,
    /// With the fields of each register
    #[arg(long)]
    pub(crate) fields: bool,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ShowArgs {
    /// Name of a register, or of a family as "X{0..30}"
    pub(crate) name: String,
    /// Only in this architecture
    #[arg(long)]
    pub(crate) arch: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct DecodeArgs {
    /// Id, in hex or decimal
    #[arg(value_parser = id)]
    pub(crate) id: u64,
    /// Value of the register, in hex or decimal
    #[arg(value_parser = number)]
    pub(crate) value: Option<u128>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct DiffArgs {
    /// Folder of the old tables
    pub(crate) old: PathBuf,
    /// Folder of the new tables
    pub(crate) new: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct EncodeArgs {
    /// Architecture
    pub(crate) arch: String,
    /// Name of a register
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ExplainArgs {
    /// Code, as E0101; without one, all codes are listed
    pub(crate) code: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ImportArgs {
    /// List of ids, one a line, in hex or as `ARM64_SYS_REG(3, 0, 1, 0, 0)`, host profile (`onereg-vmm probe --format json`), or diff of kernel headers; - for stdin
    pub(crate) file: PathBuf,
    /// Architecture that every id is of
    #[arg(long)]
    pub(crate) arch: Option<String>,
}

#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct NewArgs {
    /// Architecture: arm64
    pub(crate) arch: Option<String>,
    /// Group: sysreg
    pub(crate) group: Option<String>,
    /// Name: EXAMPLE_EL1, or a family as "X{0..30}"
    pub(crate) name: Option<String>,
    /// Width in bits, ulong or vlenb
    #[arg(long)]
    pub(crate) width: Option<String>,
    /// Number in the group: 0x10, or its parts as op0=3,op1=0,crn=1,crm=0,op2=0
    #[arg(long)]
    pub(crate) number: Option<String>,
    /// What it is, in one line
    #[arg(long)]
    pub(crate) doc: Option<String>,
    /// rw, ro or wo
    #[arg(long, requires = "rule")]
    pub(crate) access: Option<String>,
    /// Kernel file and function that refuse what the access does not allow
    #[arg(long)]
    pub(crate) rule: Option<String>,
    /// First kernel release that has it
    #[arg(long)]
    pub(crate) since: Option<String>,
    /// What its value is, where it has no fields: value, implementation-defined or opaque
    #[arg(long)]
    pub(crate) content: Option<String>,
}

impl NewArgs {
    /// What every row needs and these do not say, as the usage names it.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let needed = [
            ("ARCH", &self.arch),
            ("GROUP", &self.group),
            ("NAME", &self.name),
            ("--width", &self.width),
            ("--number", &self.number),
            ("--doc", &self.doc),
        ];
        needed.into_iter().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect()
    }
}

/// What the ids of riscv depend on.
#[derive(Debug, Clone, Copy, ClapArgs)]
pub(crate) struct HostArgs {
    /// XLEN of the host, 32 or 64: the width of `ulong`
    #[arg(long, value_name = "BITS", default_value = "64", value_parser = xlen)]
    xlen: u32,
    /// Bytes of the host's vector registers, a power of two up to 8192: the width of `vlenb`
    #[arg(long, value_name = "BYTES", default_value = "16", value_parser = vlenb)]
    vlenb: u32,
}

impl From<HostArgs> for Host {
    fn from(args: HostArgs) -> Self {
        Host { xlen: args.xlen, vlenb: args.vlenb }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    Text,
    Json,
    Csv,
}

fn id(text: &str) -> Result<u64, String> {
    number(text)?.try_into().map_err(|_| "an id has at most 64 bits".to_owned())
}

/// Reads `0x1f` or `31`; underscores may stand between digits.
fn number(text: &str) -> Result<u128, String> {
    let digits = text.replace('_', "");
    let number = match digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        Some(hex) => u128::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    number.map_err(|_| "expected a number of at most 128 bits, as 0x1f or 31".to_owned())
}

fn xlen(text: &str) -> Result<u32, String> {
    match text {
        "32" => Ok(32),
        "64" => Ok(64),
        _ => Err("expected 32 or 64".to_owned()),
    }
}

fn vlenb(text: &str) -> Result<u32, String> {
    let bytes = text.parse().ok().filter(|bytes: &u32| bytes.is_power_of_two() && *bytes <= 8192);
    bytes.ok_or_else(|| "expected a power of two from 1 to 8192".to_owned())
}
