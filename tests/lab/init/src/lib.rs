//! What the lab's runner and the programs in its hosts agree on: where things are, and how a program ended.

mod exchange;
pub mod modules;
pub mod network;
pub mod process;
mod record;
pub mod system;

use std::net::Ipv4Addr;

pub use exchange::{content, exchange};
pub use record::Record;

/// File in the host with the program's path and its arguments, each ended by a NUL.
pub const COMMAND: &str = "/lab/command";

/// Folder in the host, and in its guests, with the modules to load, named so that they sort in the order of loading.
pub const MODULES: &str = "/lab/modules";

/// Kernel in the host that guests of the program can boot.
pub const GUEST_KERNEL: &str = "/guest/kernel";

/// Initramfs of such guests. Its init does the [`TASKS`] on the kernel's command line and ends as [`END`] says.
pub const GUEST_INITRAMFS: &str = "/guest/initramfs";

/// Disk of such guests: an empty file system.
pub const GUEST_DISK: &str = "/guest/disk";

/// Parameter of a guest's command line: what its first process does, between commas. `keep` writes a file to the disk
/// or compares it, `refused` compares it where nothing can be written, `fill` writes until the disk fails, `shrunk`
/// reads the disk after a line of input, `entropy` reads the source of entropy, `net` has the host send bytes back,
/// `sockets` has host and guest send back what the other one sends, `balloon` uses memory that the host takes and gives
/// back, `write` and `read` move all bytes of the disk, `exits` writes to a register of a device, `pause` waits for a
/// line of input, `count` counts and computes.
pub const TASKS: &str = "onereg.tasks=";

/// Parameter of a guest's command line: `off` and `echo` (after a line of input) power off, `restart` starts over, and
/// `panic` ends the first process.
pub const END: &str = "onereg.end=";

/// Address of a host on the network between it and its guest.
pub const HOST_ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);

/// Address of the guest.
pub const GUEST_ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);

/// Port of TCP where the host sends everything back.
pub const PORT: u16 = 4000;

/// Port of vsock where the guest sends everything back.
pub const GUEST_PORT: u32 = 52;

/// Port of vsock where the host does.
pub const HOST_PORT: u32 = 7;

/// Bytes of a guest's memory that the balloon takes.
pub const BALLOON: u64 = 128 << 20;

/// How often the guest writes to a register of a device.
pub const WRITES: u32 = 10_000;

/// How the line begins that a guest prints when its first process runs.
pub const GUEST: &str = "onereg-lab-guest: ";

/// How the lines begin by which a guest counts; a number follows.
pub const COUNT: &str = "onereg-lab-guest: count ";

/// How far it counts.
pub const COUNTS: usize = 5;

/// Name of the virtio port that takes the program's stdout.
pub const OUTPUT: &str = "onereg.output";

/// Name of the virtio port that takes the program's stderr.
pub const ERRORS: &str = "onereg.errors";

/// Name of the virtio port that takes one [`Record`]. The program has no part in it.
pub const STATUS: &str = "onereg.status";
