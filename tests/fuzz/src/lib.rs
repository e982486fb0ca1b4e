//! What the fuzz targets do with their input; each function panics on what must not happen.

#[path = "../../../runtime/vmm/src/profile.rs"]
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
