//! Memory of a VM, as the host gives it.

use vm_memory::{GuestAddress, GuestMemoryMmap, GuestRegionMmap, MmapRegion};

use super::arch;
use crate::failure::Failure;

/// What memory a VM gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Memory {
    /// That many bytes.
    Pages(u64),
    /// That many bytes, in huge pages that the host has set aside.
    HugePages(u64),
}

/// Bytes of a huge page, of the size that all architectures have with pages of 4 KiB.
const HUGE_PAGE: u64 = 2 << 20;

impl Memory {
    /// Maps the memory.
    pub(super) fn allocate(self) -> Result<GuestMemoryMmap, Failure> {
        let (size, page, remedy) = match self {
            Memory::Pages(size) => (size, 4096, "ask for less"),
            Memory::HugePages(size) => (
                size,
                HUGE_PAGE,
                "set more huge pages of 2M aside (vm.nr_hugepages), or ask for less",
            ),
        };
        if size < arch::MEMORY_MIN || !size.is_multiple_of(page) {
            let least = arch::MEMORY_MIN >> 20;
            return Err(Failure::new(format!(
                "cannot give the guest {size} bytes of memory: give whole pages of {}K, {least}M at least",
                page >> 10
            )));
        }
        let ram = arch::ram(size);
        let memory = match self {
            Memory::Pages(_) => {
                GuestMemoryMmap::from_ranges(&ram).map_err(|error| error.to_string())
            }
            Memory::HugePages(_) => in_huge_pages(&ram),
        };
        memory.map_err(|error| {
            Failure::new(format!("cannot allocate {size} bytes of guest memory: {error}: {remedy}"))
        })
    }
}

/// Maps memory of which all is there before the guest runs: none can be missing later.
fn in_huge_pages(ram: &[(GuestAddress, usize)]) -> Result<GuestMemoryMmap, String> {
    let (protection, flags) = (
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_HUGETLB | libc::MAP_HUGE_2MB,
    );
    let region = |(start, size): &(GuestAddress, usize)| {
        let mapping = MmapRegion::build(None, *size, protection, flags);
        let mapping = mapping.map_err(|error| error.to_string())?;
        GuestRegionMmap::new(mapping, *start).ok_or("it ends beyond all addresses".to_owned())
    };
    let regions = ram.iter().map(region).collect::<Result<_, _>>()?;
    GuestMemoryMmap::from_regions(regions).map_err(|error| error.to_string())
}
