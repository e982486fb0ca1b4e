//! Commands: arguments in, one text for each of the two outputs and an exit status out.

mod args;
mod check;
mod decode;
mod diff;
mod encode;
mod entry;
mod explain;
mod failure;
mod find;
mod fmt;
mod generate;
mod ids;
mod import;
mod list;
mod new;
mod show;
mod style;
mod tables;
mod text;

use std::io::{self, Write};
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use clap::Parser as _;
use onereg_codegen::emit::schema;

use self::args::{Args, Command};
use self::failure::Failure;

/// Runs the command that the arguments name.
pub(crate) fn main() -> ExitCode {
    let args = Args::parse();
    let (output, message, code) = match run(&args) {
        Ok((output, message)) => (output, message, ExitCode::SUCCESS),
        Err(failure) => (failure.output, failure.message, ExitCode::FAILURE),
    };
    match write(AutoStream::auto(io::stdout()), &output)
        .and_then(|()| write(io::stderr(), &message))
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("onereg: cannot write the output: {error}");
            ExitCode::FAILURE
        }
        _ => code,
    }
}

/// Returns what a command prints on stdout and on stderr.
fn run(args: &Args) -> Result<(String, String), Failure> {
    let tables = &args.tables;
    let output = match &args.command {
        Command::Import(args) => return import::run(tables, args),
        Command::List(args) => return list::run(tables, args),
        Command::Check(args) => check::run(tables, args),
        Command::Fmt(args) => fmt::run(tables, args),
        Command::Generate(args) => generate::run(tables, args),
        Command::New(args) => new::run(tables, args),
        Command::Show(args) => show::run(tables, args),
        Command::Decode(args) => decode::run(tables, args),
        Command::Diff(args) => diff::run(args),
        Command::Encode(args) => encode::run(tables, args),
        Command::Explain(args) => explain::run(args),
        Command::Schema => Ok(schema::schema()),
    }?;
    Ok((output, String::new()))
}

fn write(mut to: impl Write, text: &str) -> io::Result<()> {
    to.write_all(text.as_bytes())?;
    to.flush()
}

/// Whether messages may be coloured.
fn colour() -> bool {
    AutoStream::choice(&io::stderr()) != ColorChoice::Never
}
