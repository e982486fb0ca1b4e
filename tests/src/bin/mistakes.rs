//! Asks the compilers of others what they say of every mistake in the corpus, and writes `docs/mistakes.md`.
//!
//! They are installed below `target/`, so this is not part of CI.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};

use anstream::adapter::strip_str;
use onereg_tests::command::run;
use onereg_tests::mistakes::{LANGUAGES, Language, folder, mistakes, page, right, wrong};
use onereg_tests::peers;
use onereg_tests::tables::root;

/// Compiles a description of registers with Python's package.
const SYSTEMRDL: &str = "import sys, systemrdl
compiler = systemrdl.RDLCompiler()
try:
    compiler.compile_file(sys.argv[1])
    compiler.elaborate()
except systemrdl.RDLCompileError:
    sys.exit(1)
";

fn main() -> ExitCode {
    match ask_all() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mistakes: {error}");
            ExitCode::FAILURE
        }
    }
}

fn ask_all() -> Result<(), String> {
    let (ddc, python) = (peers::install("device-driver-cli", "2.2.0", "ddc")?, python()?);
    let commands: [&dyn Fn(&Path) -> Command; 2] = [
        &|file| {
            let mut command = Command::new(&ddc);
            command.args(["build", "-s"]).arg(file).args(["-o", "demo.rs", "rust"]);
            command
        },
        &|file| {
            let mut command = Command::new(&python);
            command.args(["-c", SYSTEMRDL]).arg(file);
            command
        },
    ];
    for (index, (language, command)) in LANGUAGES.iter().skip(1).zip(commands).enumerate() {
        let before = ask(language, &right(language)?, command)?;
        if !before.is_empty() {
            return Err(format!("{} does not take {}:\n{before}", language.title, language.file));
        }
        for mistake in mistakes() {
            let said = ask(language, &wrong(mistake, index + 1)?, command)?;
            let folder = folder().join(language.folder.unwrap_or_default());
            write(&folder.join(format!("{}.txt", mistake.name)), &said)?;
        }
    }
    write(&root().join("docs/mistakes.md"), &page()?)
}

/// Returns what a compiler says of a text, but for colours.
fn ask(
    language: &Language,
    text: &str,
    command: &dyn Fn(&Path) -> Command,
) -> Result<String, String> {
    let folder = peers::folder().join("mistakes");
    write(&folder.join(language.file), text)?;
    let mut command = command(Path::new(language.file));
    let Output { stdout, stderr, .. } = command
        .current_dir(&folder)
        .output()
        .map_err(|error| format!("{}: {error}", language.title))?;
    let said = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
    let lines = strip_str(&said).to_string();
    Ok(lines.lines().map(|line| format!("{}\n", line.trim_end())).collect())
}

/// Installs the compiler of SystemRDL, and returns the Python that has it.
fn python() -> Result<PathBuf, String> {
    let folder = peers::folder().join("python");
    let python = folder.join("bin/python");
    if !python.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    }
    let mut pip = Command::new(&python);
    run(pip.args(["-m", "pip", "install", "--quiet", "systemrdl-compiler==1.33.0"]))?;
    Ok(python)
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    path.parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(path, text))
        .map_err(|error| format!("{}: {error}", path.display()))
}
