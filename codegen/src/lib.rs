//! Turns register tables into typed Rust, documentation and listings.
//!
//! Reading order: the grammar (`registers/README.md`), [`model`] (what a table means), [`load`] below (the passes on
//! one screen), then `source`, `lower`, `check` and [`emit`], which are those passes.
//!
//! The library takes texts and returns texts or [`Diagnostic`]s. It does no I/O and panics on no input; the program
//! `onereg`, build scripts and the macros are thin callers.

mod check;
mod diagnostics;
pub mod emit;
#[cfg(feature = "cli")]
pub mod format;
#[cfg(feature = "cli")]
pub mod header;
mod lower;
pub mod model;
mod names;
#[cfg(feature = "cli")]
pub mod query;
#[cfg(feature = "cli")]
pub mod render;
mod source;

pub use diagnostics::{Diagnostic, Span};
pub use source::{Sources, group_files};

/// Parses, resolves and checks one architecture's tables.
///
/// # Errors
///
/// Returns every finding, sorted by file and position.
pub fn load(sources: &Sources) -> Result<model::Arch, Vec<Diagnostic>> {
    let mut findings = Vec::new();
    let tables = source::read(sources, &mut findings);
    let arch = lower::lower(tables, &mut findings);
    check::check(&arch, &mut findings);
    if findings.is_empty() {
        Ok(arch.model)
    } else {
        Err(diagnostics::resolve(findings, sources.texts()))
    }
}
