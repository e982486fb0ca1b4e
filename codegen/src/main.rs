//! The program `onereg`: checks register tables, answers questions about them, generates what is committed from them.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
