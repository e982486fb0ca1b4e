//! Boots a stock kernel as a guest of the VMM of this workspace, in a host of the lab, and judges how each run ends.
//! With arguments, only those of whose end one is a part.

mod balloon;
mod beside;
mod boot;
mod sockets;

use std::env;
use std::fs::{self, File};
use std::io;
use std::process::ExitCode;
use std::time::Instant;

use onereg_lab_init::{GUEST, GUEST_DISK, network, system};

use crate::boot::Boot;

/// A run that powers off.
const PLAIN: Boot = Boot {
    program: "/bin/onereg-vmm",
    cpus: 1,
    memory: 128,
    console: "ttyS0",
    options: "",
    end: "off",
    shrinks: None,
    typed: "",
    beside: None,
    stop_after: None,
    status: 0,
    says: [GUEST, ""],
};

/// The cause of a panic that the guest's init brings about.
const KILLED: &str = "the guest crashed: Kernel panic - not syncing: Attempted to kill init!";

/// Options of a guest whose console is hvc0.
const ON_HVC: &str = "--console none --virtio-console stdio";

/// The program that moves its guest to a new VM whenever the guest counts.
const MOVE: &str = "/bin/onereg-lab-move";

/// What a guest says that was moved, and what is said of that.
const MOVED: [&str; 2] = [
    "count 1\nonereg-lab-guest: count 2\nonereg-lab-guest: count 3\nonereg-lab-guest: count 4\n\
     onereg-lab-guest: count 5\nonereg-lab-guest: every CPU computed the same until the end",
    "onereg-lab-move: the guest was moved 5 times",
];

/// What a guest says that finds its file again.
const AS_WRITTEN: &str = "onereg-lab-guest: the file is as it was written";

/// A disk that takes less than its length, and the folder that is too small for it.
const SMALL_DISK: &str = "/small/disk";
const SMALL: (&str, u64) = ("/small", 1 << 20);

/// What the VMM says of that disk.
const NO_SPACE: &str = "disk0: a request failed: No space left on device";

const BOOTS: &[Boot] = &[
    Boot { end: "off onereg.tasks=clock", says: ["the clock shows the time", ""], ..PLAIN },
    Boot {
        cpus: 4,
        memory: 4096,
        end: "echo",
        typed: "hello\n",
        says: ["onereg-lab-guest: HELLO", ""],
        ..PLAIN
    },
    Boot {
        cpus: 2,
        options: "--dump /crash.state",
        end: "panic",
        status: 3,
        says: ["end Kernel panic", KILLED],
        ..PLAIN
    },
    Boot {
        options: "--hugepages",
        end: "panic panic=-1",
        status: 3,
        says: [GUEST, KILLED],
        ..PLAIN
    },
    Boot {
        end: "restart",
        stop_after: Some(2),
        status: 130,
        says: [GUEST, "interrupted"],
        ..PLAIN
    },
    Boot {
        cpus: 2,
        console: "hvc0",
        options: ON_HVC,
        end: "echo",
        typed: "hello\n",
        says: ["onereg-lab-guest: HELLO", ""],
        ..PLAIN
    },
    Boot {
        console: "hvc0",
        options: ON_HVC,
        end: "panic",
        status: 3,
        says: ["end Kernel panic", KILLED],
        ..PLAIN
    },
    // Guests of one machine, and then of another one, find on the disk what was written.
    Boot {
        options: "--disk /guest/disk,engine=io_uring",
        end: "restart onereg.tasks=keep,entropy",
        stop_after: Some(5),
        status: 130,
        says: [AS_WRITTEN, "interrupted"],
        ..PLAIN
    },
    Boot {
        cpus: 2,
        memory: 1024,
        options: "--disk /guest/disk,engine=sync --transport mmio",
        end: "off onereg.tasks=keep,entropy",
        says: ["the file is as it was written\nonereg-lab-guest: entropy from virtio_rng.0", ""],
        ..PLAIN
    },
    Boot {
        cpus: 2,
        options: "--net tap=guest",
        end: "off onereg.tasks=net",
        says: ["the host answers, and sends everything back", ""],
        ..PLAIN
    },
    Boot {
        options: "--net tap=guest,mac=02:00:00:00:00:07 --transport mmio",
        end: "off onereg.tasks=net",
        says: ["the host answers, and sends everything back", ""],
        ..PLAIN
    },
    Boot {
        options: "--disk /guest/disk,ro",
        end: "off onereg.tasks=refused",
        says: ["the file is as it was written, read-only", ""],
        ..PLAIN
    },
    // The disk is longer than the file system below it.
    Boot {
        options: "--disk /small/disk",
        end: "off onereg.tasks=fill",
        says: ["the disk kept what it took, then: Input/output error", NO_SPACE],
        ..PLAIN
    },
    Boot {
        options: "--disk /guest/disk",
        end: "off onereg.tasks=shrunk",
        shrinks: Some(GUEST_DISK),
        typed: "\n",
        says: ["the disk cannot be read: Input/output error", "disk0: a request failed"],
        ..PLAIN
    },
    Boot {
        cpus: 2,
        options: "--vsock cid=3,socket=/sockets",
        end: "off onereg.tasks=sockets",
        beside: Some(sockets::talk),
        says: ["the host sent everything back, and has 1048576 bytes back", ""],
        ..PLAIN
    },
    Boot {
        cpus: 2,
        memory: 256,
        options: "--balloon target=0,socket=/balloon --metrics /metrics",
        end: "off onereg.tasks=balloon",
        beside: Some(balloon::squeeze),
        says: ["the balloon took its memory and gave it back", ""],
        ..PLAIN
    },
    // It goes on in a new VM after every number.
    Boot { program: MOVE, end: "off onereg.tasks=count", says: MOVED, ..PLAIN },
];

/// Boots that are slow where CPUs are emulated: only those that a word names.
const SLOW_BOOTS: &[Boot] = &[Boot {
    cpus: 32,
    memory: 256,
    end: "off onereg.tasks=cpus",
    says: ["a thread on each of 32 CPUs has met all others", ""],
    ..PLAIN
}];

fn main() -> ExitCode {
    if let Err(error) = prepare() {
        println!("FAILED to prepare the host: {error}");
        return ExitCode::FAILURE;
    }
    if let Err(error) = network::serve() {
        println!("FAILED to listen in a network of its own: {error}");
        return ExitCode::FAILURE;
    }
    let words: Vec<String> = env::args().skip(1).collect();
    let is_named = |boot: &&Boot| words.iter().any(|word| boot.end.contains(word));
    let boots = BOOTS.iter().filter(|boot| words.is_empty() || is_named(boot));
    let (mut failed, mut count) = (false, 0);
    for boot in boots.chain(SLOW_BOOTS.iter().filter(is_named)) {
        count += 1;
        let start = Instant::now();
        let result = boot.run();
        let seconds = start.elapsed().as_secs_f64();
        let Boot { cpus, memory, end, .. } = boot;
        let line = |found| println!("{cpus} vCPUs, {memory}M, {end}: {found} ({seconds:.1} s)");
        match result {
            Ok(found) => line(found),
            Err(why) => {
                failed = true;
                print!("FAILED ");
                line(why);
            }
        }
    }
    if failed || count == 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Makes the disk that fails, and sets huge pages aside for a guest.
fn prepare() -> io::Result<()> {
    let (folder, bytes) = SMALL;
    system::mount_memory(folder, bytes)?;
    File::create(SMALL_DISK)?.set_len(8 << 20)?;
    fs::write("/proc/sys/vm/nr_hugepages", "64")
}
