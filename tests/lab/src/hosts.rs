//! The hosts that can be emulated: one row per architecture.

use onereg_tests::packages::Package;

/// An architecture: its machine, its kernels, how programs are built for it.
#[derive(Debug)]
pub struct Host {
    /// The kernel's name of the architecture.
    pub name: &'static str,
    /// Other names on the command line.
    pub aliases: &'static [&'static str],
    /// Debian's name of the architecture.
    pub debian: &'static str,
    /// How the packages of its kernels end.
    pub flavour: &'static str,
    /// Suites with its kernels, the newest first.
    pub suites: &'static [&'static str],
    /// Modules that bring `/dev/kvm` and tap devices, where these are not built in; those that they need are found.
    pub modules: &'static [&'static str],
    /// Modules that bring what guests are given, where these are not built in; likewise.
    pub guest_modules: &'static [&'static str],
    /// The emulator.
    pub qemu: &'static str,
    /// The emulator's machine.
    pub machine: &'static [&'static str],
    /// CPU model unless another one is asked for.
    pub cpu: &'static str,
    /// What else to try, and what it brings.
    pub variants: &'static [&'static str],
    /// Memory in MiB unless another size is asked for.
    pub memory: u64,
    /// Parameters of the kernel.
    pub parameters: &'static str,
    /// Rust's name of the target.
    pub target: &'static str,
    /// Whether the distribution's Rust has the standard library of the target.
    pub has_std: bool,
    /// The linker.
    pub linker: &'static str,
    /// The package with the emulator.
    pub emulator: &'static str,
    /// Files of Debian's own QEMU for this architecture, the program first: the host can have it to run guests.
    pub vmm: &'static [&'static str],
    /// Packages with the C compiler and library of the target.
    pub compiler: &'static [Package],
}

/// Drivers of virtio devices. Debian's kernels for clouds have the file system of the disk built in.
const VIRTIO: &[&str] = &[
    "virtio_blk",
    "virtio_mmio",
    "virtio_rng",
    "virtio_net",
    "vmw_vsock_virtio_transport",
    "virtio_balloon",
];

/// All hosts.
pub const HOSTS: &[Host] = &[
    Host {
        name: "arm64",
        aliases: &[],
        debian: "arm64",
        flavour: "cloud-arm64",
        suites: &["trixie-backports", "trixie"],
        modules: &["tun"],
        guest_modules: VIRTIO,
        qemu: "qemu-system-aarch64",
        machine: &["-machine", "virt,virtualization=on,gic-version=3"],
        // Linux 7.3 hangs with LPA2; the architected algorithm of pointer authentication makes every call six times
        // slower.
        cpu: "max,lpa2=off,pauth-impdef=on",
        variants: &["--append kvm-arm.mode=nested: EL2 in guests, from Linux 7 on"],
        memory: 1024,
        parameters: "console=ttyAMA0",
        target: "aarch64-unknown-linux-gnu",
        has_std: false,
        linker: "aarch64-linux-gnu-gcc",
        emulator: "qemu-system-arm",
        vmm: &["usr/bin/qemu-system-aarch64"],
        compiler: &[
            ("gcc-aarch64-linux-gnu", "/usr/bin/aarch64-linux-gnu-gcc"),
            ("libc6-dev-arm64-cross", "/usr/aarch64-linux-gnu/lib/libc.a"),
        ],
    },
    Host {
        name: "riscv",
        aliases: &["riscv64"],
        debian: "riscv64",
        flavour: "riscv64",
        suites: &["sid", "forky", "trixie"],
        modules: &["kvm", "tun"],
        guest_modules: &[
            "virtio_blk",
            "virtio_mmio",
            "virtio_rng",
            "virtio_net",
            "vmw_vsock_virtio_transport",
            "virtio_balloon",
            "ext4",
        ],
        qemu: "qemu-system-riscv64",
        machine: &["-machine", "virt,aia=aplic-imsic,aia-guests=3"],
        cpu: "max",
        variants: &[
            "--cpu rv64,h=true: no vectors, fewer extensions",
            "--machine aia=none --cpu rv64,h=true: likewise, and no interrupt controllers in KVM",
        ],
        memory: 1024,
        parameters: "console=ttyS0",
        target: "riscv64gc-unknown-linux-gnu",
        has_std: false,
        linker: "riscv64-linux-gnu-gcc",
        emulator: "qemu-system-riscv",
        vmm: &["usr/bin/qemu-system-riscv64"],
        compiler: &[
            ("gcc-riscv64-linux-gnu", "/usr/bin/riscv64-linux-gnu-gcc"),
            ("libc6-dev-riscv64-cross", "/usr/riscv64-linux-gnu/lib/libc.a"),
        ],
    },
    Host {
        name: "x86",
        aliases: &["x86_64"],
        debian: "amd64",
        flavour: "cloud-amd64",
        suites: &["trixie-backports", "trixie"],
        modules: &["kvm-amd", "tun"],
        guest_modules: VIRTIO,
        qemu: "qemu-system-x86_64",
        machine: &["-machine", "q35"],
        cpu: "max,+svm",
        variants: &["--cpu qemu64,+svm,+npt: the fewest features"],
        memory: 1024,
        // The emulator may lose an interrupt while a guest runs. The timer of a host whose ticks are periodic comes again;
        // one that is set for each time would not, and the host would stand still.
        parameters: "console=ttyS0 nohz=off highres=off",
        target: "x86_64-unknown-linux-gnu",
        has_std: true,
        linker: "x86_64-linux-gnu-gcc",
        emulator: "qemu-system-x86",
        vmm: &[
            "usr/bin/qemu-system-x86_64-microvm",
            "usr/share/seabios/bios-microvm.bin",
            "usr/share/qemu/linuxboot_dma.bin",
        ],
        compiler: &[
            ("gcc", "/usr/bin/x86_64-linux-gnu-gcc"),
            ("libc6-dev", "/usr/lib/x86_64-linux-gnu/libc.a"),
        ],
    },
    Host {
        name: "powerpc",
        aliases: &[],
        debian: "ppc64el",
        flavour: "powerpc64le",
        suites: &["sid", "forky", "trixie", "bookworm-backports"],
        modules: &["kvm-hv"],
        guest_modules: &[],
        qemu: "qemu-system-ppc64",
        machine: &["-machine", "pseries,cap-nested-hv=on,x-vof=on"],
        cpu: "POWER9",
        variants: &[],
        memory: 2048,
        parameters: "console=hvc0",
        target: "powerpc64le-unknown-linux-gnu",
        has_std: false,
        linker: "powerpc64le-linux-gnu-gcc",
        emulator: "qemu-system-ppc",
        vmm: &[],
        compiler: &[
            ("gcc-powerpc64le-linux-gnu", "/usr/bin/powerpc64le-linux-gnu-gcc"),
            ("libc6-dev-ppc64el-cross", "/usr/powerpc64le-linux-gnu/lib/libc.a"),
        ],
    },
];

/// Finds the host with this name or alias.
pub fn by_name(name: &str) -> Option<&'static Host> {
    HOSTS.iter().find(|host| host.name == name || host.aliases.contains(&name))
}
