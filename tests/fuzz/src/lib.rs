//! What the fuzz targets do with their input; each function panics on what must not happen.

// Links to the VMM's own files: a package of this crate has copies.
#[expect(dead_code, reason = "disks fail in fewer ways than commands")]
mod failure;
mod profile;
mod profiles;
mod queries;
mod states;
mod tables;
mod values;
mod virtio;

pub use profiles::profiles;
pub use queries::queries;
pub use states::states;
pub use tables::tables;
pub use values::values;
pub use virtio::devices;
