//! What it costs to reach a device.

use std::fs::{self, OpenOptions};
use std::sync::atomic::Ordering;
use std::time::Instant;

use onereg_lab_init::WRITES;
use vm_memory::mmap::MmapRegionBuilder;
use vm_memory::{Bytes, FileOffset, VolatileMemory};

/// The first virtio device: a link to its folder, which is in that of the registers.
const DEVICE: &str = "/sys/bus/virtio/devices/virtio0";

/// Where the kernel lists the addresses of registers, and where a process reaches them.
const ADDRESSES: &str = "/proc/iomem";
const MEMORY: &str = "/dev/mem";

/// The register that selects a queue, which the driver does not need any more.
const QUEUE_SELECT: usize = 0x30;

const PAGE: u64 = 4096;

/// Writes to a register of a virtio device.
pub(crate) fn measure() -> Result<String, String> {
    let address = address()?;
    let of_memory = |error| format!("{MEMORY}: {error}");
    let memory = OpenOptions::new().read(true).write(true).open(MEMORY).map_err(of_memory)?;
    let page = FileOffset::new(memory, address & !(PAGE - 1));
    let registers = MmapRegionBuilder::<()>::new(PAGE as usize)
        .with_file_offset(page)
        .with_mmap_prot(libc::PROT_READ | libc::PROT_WRITE)
        .with_mmap_flags(libc::MAP_SHARED)
        .build()
        .map_err(|error| format!("{MEMORY} at {address:#x}: {error}"))?;
    let registers = registers.as_volatile_slice();
    let select = (address % PAGE) as usize + QUEUE_SELECT;
    let start = Instant::now();
    for _ in 0..WRITES {
        registers.store(0_u32, select, Ordering::Relaxed).map_err(|error| error.to_string())?;
    }
    let us = start.elapsed().as_micros();
    Ok(format!("{WRITES} writes to a register of a device in {us} us"))
}

/// Finds the address of the device's registers.
fn address() -> Result<u64, String> {
    let device = fs::canonicalize(DEVICE).map_err(|error| format!("{DEVICE}: {error}"))?;
    let name = device.parent().and_then(|folder| folder.file_name()).unwrap_or_default();
    let name = name.to_string_lossy();
    let list = fs::read_to_string(ADDRESSES).map_err(|error| format!("{ADDRESSES}: {error}"))?;
    let line =
        list.lines().find(|line| line.split(" : ").nth(1).is_some_and(|of| of.starts_with(&*name)));
    let start = line.and_then(|line| line.trim_start().split('-').next());
    let start = start.and_then(|start| u64::from_str_radix(start, 16).ok());
    start.ok_or_else(|| format!("{ADDRESSES} has no addresses of {name}"))
}
