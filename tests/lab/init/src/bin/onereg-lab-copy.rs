//! Copies a file to stdout and ends as told: the lab's own test of its channels.

use std::env;
use std::fs::File;
use std::io::{self, Write};
use std::process::{self, ExitCode};

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let [path, end] = words.as_slice() else {
        eprintln!("usage: onereg-lab-copy FILE STATUS|abort|hang");
        return ExitCode::from(2);
    };
    let mut output = io::stdout();
    let copied = File::open(path)
        .and_then(|mut file| io::copy(&mut file, &mut output))
        .and_then(|_| output.flush());
    if let Err(error) = copied {
        eprintln!("onereg-lab-copy: {path}: {error}");
        return ExitCode::FAILURE;
    }
    match end.as_str() {
        "abort" => process::abort(),
        "hang" => loop {
            std::thread::park();
        },
        status => ExitCode::from(status.parse().unwrap_or(2)),
    }
}
