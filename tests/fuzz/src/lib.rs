//! What the fuzz targets do with their input; each function panics on what must not happen.

mod queries;
mod tables;
mod values;

pub use queries::queries;
pub use tables::tables;
pub use values::values;
