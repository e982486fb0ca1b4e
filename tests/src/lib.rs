//! What proves onereg: against the kernel's own headers and sources, against golden files, and in CI.
//!
//! Reading order: [`kernel`] gets the kernel's text, [`conformance`] compares it with the tables; `tests/` runs both.
//! The program `ci` (`cargo ci`) is every check in one list.

pub mod apt;
pub mod command;
pub mod compiler;
pub mod conformance;
mod conformance_docs;
pub mod folder;
pub mod hosts;
pub mod instructions;
pub mod kernel;
pub mod lock;
pub mod mistakes;
pub mod packages;
pub mod peers;
pub mod random;
pub mod respell;
pub mod tables;
