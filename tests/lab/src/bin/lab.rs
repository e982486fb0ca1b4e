//! `cargo lab`: runs a program of this workspace in an emulated host with a real `/dev/kvm`.

use std::env;
use std::process::ExitCode;

use onereg_lab::failure::Failure;
use onereg_lab::options::{Request, parse};
use onereg_lab::{list, session};

fn main() -> ExitCode {
    let result = match parse(env::args_os()) {
        Ok(Request::List) => list::text().map(|text| print!("{text}")).map_err(Failure::Host),
        Ok(Request::Run(mut run)) => {
            run.install |= env::var_os("CI").is_some_and(|value| value == "true");
            match session::run(&run) {
                Ok(status) => return ExitCode::from(status),
                Err(failure) => Err(failure),
            }
        }
        Err(error) => error.exit(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("lab: {}", failure.message());
            ExitCode::from(failure.status())
        }
    }
}
