//! Backends: one a file. Each reads the model and looks nothing up.

#[cfg(feature = "cli")]
pub mod artefacts;
#[cfg(feature = "cli")]
pub mod c_header;
#[cfg(feature = "cli")]
mod diagram;
#[cfg(feature = "cli")]
mod docs;
#[cfg(feature = "cli")]
pub mod gdb;
#[cfg(feature = "cli")]
mod ids;
#[cfg(feature = "cli")]
pub mod json;
#[cfg(feature = "cli")]
pub mod rst;
pub mod rust;
#[cfg(feature = "cli")]
pub mod schema;
#[cfg(feature = "cli")]
pub mod site;
#[cfg(feature = "cli")]
mod usage;
