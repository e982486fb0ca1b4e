//! Other programs: run to their end, with what they said when they fail.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::thread;

/// Runs `command` and returns what it wrote to stdout.
///
/// # Errors
///
/// Names the command line and says what the program wrote, when it cannot start or does not exit with 0.
pub fn run(command: &mut Command) -> Result<String, String> {
    finish(command, "")
}

/// Runs `command` with `input` on its stdin and returns what it wrote to stdout.
///
/// # Errors
///
/// Those of [`run`].
pub fn run_with(command: &mut Command, input: &str) -> Result<String, String> {
    finish(command, input)
}

/// Spells `command` as a shell would take it, for messages.
pub fn line(command: &Command) -> String {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    words.map(quoted).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+./:,~@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{word}'")
    }
}

fn finish(command: &mut Command, input: &str) -> Result<String, String> {
    let output = output(command, input)
        .map_err(|error| format!("cannot run `{}`: {error}", line(command)))?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        return Err(format!(
            "`{}` failed ({}):\n{}",
            line(command),
            output.status,
            said.trim_end()
        ));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| format!("`{}` wrote something that is not UTF-8", line(command)))
}

fn output(command: &mut Command, input: &str) -> std::io::Result<Output> {
    if input.is_empty() {
        return command.stdin(Stdio::null()).output();
    }
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let stdin = child.stdin.take();
    thread::scope(|scope| {
        // A program that fails early does not read its input; its exit status tells.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input.as_bytes())));
        child.wait_with_output()
    })
}
