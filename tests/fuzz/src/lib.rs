//! What the fuzz targets do with their input; each function panics on what must not happen.

mod queries;
mod states;
mod tables;
mod values;

pub use queries::queries;
pub use states::states;
pub use tables::tables;
pub use values::values;
