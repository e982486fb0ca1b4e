//! The program `onereg`, run on the small tables beside this file.

mod arguments;
mod cases;
mod diff;
mod explain;
mod fmt;
mod generate;
mod import;
mod new;
mod output;
mod program;
