//! What proves onereg: against the kernel's own headers and sources, against golden files, and in CI.
//!
//! [`kernel`] gets the kernel's text.

pub mod command;
pub mod kernel;
mod lock;
