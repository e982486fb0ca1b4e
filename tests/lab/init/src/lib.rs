//! What the lab's runner and the init of its hosts agree on: where things are, and how a program ended.

mod record;

pub use record::Record;

/// File in the host with the program's path and its arguments, each ended by a NUL.
pub const COMMAND: &str = "/lab/command";

/// Folder in the host with the modules to load, named so that they sort in the order of loading.
pub const MODULES: &str = "/lab/modules";

/// Name of the virtio port that takes the program's stdout.
pub const OUTPUT: &str = "onereg.output";

/// Name of the virtio port that takes the program's stderr.
pub const ERRORS: &str = "onereg.errors";

/// Name of the virtio port that takes one [`Record`]. The program has no part in it.
pub const STATUS: &str = "onereg.status";
