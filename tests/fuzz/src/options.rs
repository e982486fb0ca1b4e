//! Options of a run in a file: any JSON.

use std::ffi::OsString;
use std::io::Write;

use clap::error::ErrorKind;
use vmm_sys_util::tempfile::TempFile;

use crate::cli::Command;
use crate::config;

/// Reads the input as the options of a run, which are right, or the place of what is wrong is named.
pub fn options(input: &[u8]) {
    let file = TempFile::new().expect("a file can be made");
    file.as_file().write_all(input).expect("a file grows");
    let path = file.as_path().as_os_str();
    let words = ["onereg-vmm", "run", "--config"].map(OsString::from);
    match config::parse(words.into_iter().chain([path.to_owned()]).collect()) {
        Ok(cli) => {
            let Some(Command::Run(options)) = cli.command else { panic!("another command") };
            assert!(0 < options.cpus && options.config.as_deref() == Some(file.as_path()));
        }
        Err(error) => {
            let text = error.render().to_string();
            assert!(error.exit_code() == 2 && text.starts_with("error: "), "{text}");
            if error.kind() != ErrorKind::MissingRequiredArgument {
                assert!(text.contains(&*path.to_string_lossy()), "{text}");
            }
        }
    }
}
