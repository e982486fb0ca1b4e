//! Backends: one a file. Each reads the model and looks nothing up.

pub mod rust;
