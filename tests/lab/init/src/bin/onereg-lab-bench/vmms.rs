//! The VMMs that are compared, and how each runs the same guest.

use std::env::consts::ARCH;
use std::process::Command;

use onereg_lab_init::{GUEST_INITRAMFS, GUEST_KERNEL};

/// Memory of every guest, in MiB.
pub(crate) const MEMORY: u64 = 128;

/// Disk of every guest, and tap device.
pub(crate) const DISK: &str = "/bench/disk";
pub(crate) const TAP: &str = "guest";

/// A VMM: what it is called, and the command that runs a guest with this command line, but for its console.
pub(crate) struct Vmm {
    pub(crate) name: &'static str,
    pub(crate) command: fn(&str) -> Result<Command, String>,
}

/// The VMM of this workspace, and QEMU.
pub(crate) const VMMS: [Vmm; 2] =
    [Vmm { name: "onereg-vmm", command: onereg }, Vmm { name: "QEMU", command: qemu }];

fn onereg(cmdline: &str) -> Result<Command, String> {
    let mut vmm = Command::new("/bin/onereg-vmm");
    vmm.args(["run", "--kernel", GUEST_KERNEL, "--initrd", GUEST_INITRAMFS]);
    vmm.args(["--cmdline", &format!("console=ttyS0 {cmdline}")]);
    vmm.args(["--memory", &format!("{MEMORY}M"), "--transport", "mmio"]);
    vmm.args(["--disk", DISK, "--net", &format!("tap={TAP}")]);
    Ok(vmm)
}

/// QEMU of an architecture.
struct Qemu {
    arch: &'static str,
    program: &'static str,
    machine: &'static str,
    console: &'static str,
}

/// Of every architecture the machine with the least in it.
const QEMUS: [Qemu; 3] = [
    Qemu {
        arch: "x86_64",
        program: "/usr/bin/qemu-system-x86_64-microvm",
        machine: "microvm,pit=off,pic=off,rtc=on",
        console: "ttyS0",
    },
    Qemu {
        arch: "aarch64",
        program: "/usr/bin/qemu-system-aarch64",
        machine: "virt,gic-version=3",
        console: "ttyAMA0",
    },
    Qemu {
        arch: "riscv64",
        program: "/usr/bin/qemu-system-riscv64",
        machine: "virt,aia=aplic-imsic",
        console: "ttyS0",
    },
];

fn qemu(cmdline: &str) -> Result<Command, String> {
    let qemu = QEMUS.iter().find(|qemu| qemu.arch == ARCH);
    let Qemu { program, machine, console, .. } =
        qemu.ok_or_else(|| format!("there is no such VMM on {ARCH}"))?;
    let mut qemu = Command::new(program);
    qemu.args(["-M", machine, "-accel", "kvm", "-cpu", "host", "-m", &MEMORY.to_string()]);
    qemu.args(["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"]);
    qemu.args(["-serial", "stdio", "-monitor", "none", "-name", "bench,debug-threads=on"]);
    qemu.args(["-kernel", GUEST_KERNEL, "-initrd", GUEST_INITRAMFS]);
    qemu.args(["-append", &format!("console={console} {cmdline}")]);
    qemu.args(["-global", "virtio-mmio.force-legacy=false", "-device", "virtio-rng-device"]);
    qemu.args(["-drive", &format!("file={DISK},format=raw,if=none,id=disk")]);
    qemu.args(["-device", "virtio-blk-device,drive=disk"]);
    qemu.args(["-netdev", &format!("tap,id=net,ifname={TAP},script=no,downscript=no")]);
    qemu.args(["-device", "virtio-net-device,netdev=net"]);
    Ok(qemu)
}
