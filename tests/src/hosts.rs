//! The recorded hosts: profiles of emulated hosts, and states that were captured there, in `tests/hosts/`.

use std::path::PathBuf;
use std::process::Command;

/// A host that is recorded, by how the lab makes it.
#[derive(Debug)]
pub struct Recorded {
    /// Architecture.
    pub arch: &'static str,
    /// Name of its files.
    pub name: &'static str,
    /// The kernel; the newest where none is named.
    pub kernel: Option<&'static str>,
    /// The CPU; the lab's own where none is named.
    pub cpu: Option<&'static str>,
}

/// All of them, those of an architecture by name.
pub const RECORDED: &[Recorded] = &[
    host("arm64", "cortex-a57", None, Some("cortex-a57")),
    host("arm64", "cortex-a710", None, Some("cortex-a710")),
    host("arm64", "max", None, None),
    host("arm64", "max-6.12", OLDER, None),
    host("arm64", "max-no-sve", None, Some("max,lpa2=off,pauth-impdef=on,sve=off")),
    host("arm64", "neoverse-n1", None, Some("neoverse-n1")),
    host("arm64", "neoverse-n1-6.12", OLDER, Some("neoverse-n1")),
    host("arm64", "neoverse-v1", None, Some("neoverse-v1")),
    host("x86", "epyc", None, Some("EPYC")),
    host("x86", "epyc-genoa-6.12", OLDER, Some("EPYC-Genoa")),
    host("x86", "max", None, None),
    host("x86", "max-6.12", OLDER, None),
    host("x86", "qemu64", None, Some("qemu64,+svm,+npt")),
    host("riscv", "max", None, None),
    host("riscv", "max-vlen256", None, Some("max,vlen=256")),
    host("riscv", "rv64", None, Some("rv64,h=true")),
    host("riscv", "rva23s64", None, Some("rva23s64")),
    host("powerpc", "power10", None, Some("POWER10")),
    host("powerpc", "power9", None, None),
    host("powerpc", "power9-6.12", OLDER, None),
];

/// The older kernel: the long-term release of Debian 13.
const OLDER: Option<&str> = Some("6.12");

const fn host(
    arch: &'static str,
    name: &'static str,
    kernel: Option<&'static str>,
    cpu: Option<&'static str>,
) -> Recorded {
    Recorded { arch, name, kernel, cpu }
}

impl Recorded {
    /// Returns `cargo lab` with the options that make this host.
    pub fn lab(&self) -> Command {
        let mut lab = Command::new("cargo");
        lab.args(["lab", self.arch]);
        lab.args(self.kernel.iter().flat_map(|kernel| ["--kernel", kernel]));
        lab.args(self.cpu.iter().flat_map(|cpu| ["--cpu", cpu]));
        lab
    }

    /// Returns the path of the profile, from the root of the repository.
    pub fn profile(&self) -> PathBuf {
        folder(self.arch).join(format!("{}.json", self.name))
    }

    /// Returns the path of the file of states.
    pub fn state(&self) -> PathBuf {
        folder(self.arch).join(format!("{}.state", self.name))
    }
}

/// Iterates over the hosts of an architecture.
pub fn of(arch: &str) -> impl Iterator<Item = &'static Recorded> {
    RECORDED.iter().filter(move |host| host.arch == arch)
}

/// Returns the path of the listing of verdicts: a section for each host, with every state of the architecture.
pub fn verdicts(arch: &str) -> PathBuf {
    folder(arch).join("verdicts.txt")
}

fn folder(arch: &str) -> PathBuf {
    PathBuf::from("tests/hosts").join(arch)
}
