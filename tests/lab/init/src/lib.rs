//! What the lab's runner and the programs in its hosts agree on: where things are, and how a program ended.

mod record;
pub mod system;

pub use record::Record;

/// File in the host with the program's path and its arguments, each ended by a NUL.
pub const COMMAND: &str = "/lab/command";

/// Folder in the host with the modules to load, named so that they sort in the order of loading.
pub const MODULES: &str = "/lab/modules";

/// Kernel in the host that guests of the program can boot.
pub const GUEST_KERNEL: &str = "/guest/kernel";

/// Initramfs of such guests. Its init ends as [`END`] on the kernel's command line says.
pub const GUEST_INITRAMFS: &str = "/guest/initramfs";

/// Parameter of a guest's command line: `off` and `echo` (after a line of input) power off, `restart` starts over, and
/// `panic` ends the first process.
pub const END: &str = "onereg.end=";

/// How the line begins that a guest prints when its first process runs.
pub const GUEST: &str = "onereg-lab-guest: ";

/// Name of the virtio port that takes the program's stdout.
pub const OUTPUT: &str = "onereg.output";

/// Name of the virtio port that takes the program's stderr.
pub const ERRORS: &str = "onereg.errors";

/// Name of the virtio port that takes one [`Record`]. The program has no part in it.
pub const STATUS: &str = "onereg.status";
