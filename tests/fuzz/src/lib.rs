//! What the fuzz targets do with their input; each function panics on what must not happen.

// A link to the VMM's own file: a package of this crate has a copy.
mod profile;
mod profiles;
mod queries;
mod states;
mod tables;
mod values;

pub use profiles::profiles;
pub use queries::queries;
pub use states::states;
pub use tables::tables;
pub use values::values;
