//! What the fuzz targets do with their input; each function panics on what must not happen.

// Links to the VMM's own files: a package of this crate has copies.
mod cli;
mod config;
#[expect(dead_code, reason = "files fail in fewer ways than commands")]
mod failure;
mod machine;
mod options;
mod profile;
mod profiles;
mod queries;
mod size;
mod states;
mod tables;
mod values;
mod virtio;

pub use machine::kernels;
pub use options::options;
pub use profiles::profiles;
pub use queries::queries;
pub use states::states;
pub use tables::tables;
pub use values::values;
pub use virtio::{devices, sockets};
