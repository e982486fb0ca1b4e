//! Page tables of entries of 8 bytes, as arm64 and riscv have them.

use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

/// How a vCPU finds memory.
pub(super) struct PageTables {
    /// Address of the first table.
    pub(super) root: u64,
    /// Bits of an address that say where in a page it is.
    pub(super) page_bits: u32,
    /// Bits of an address that are translated.
    pub(super) address_bits: u32,
    /// Reads an entry of the level, of which the last is 0.
    pub(super) read: fn(entry: u64, level: u32) -> Entry,
}

/// What an entry leads to.
pub(super) enum Entry {
    Table(u64),
    Memory(u64),
    Nothing,
}

impl PageTables {
    /// Translates an address.
    pub(super) fn physical(&self, memory: &GuestMemoryMmap, address: u64) -> Option<u64> {
        let level_bits = self.page_bits - 3;
        let address = address & mask(self.address_bits);
        let levels = self.address_bits.saturating_sub(self.page_bits).div_ceil(level_bits);
        let mut table = self.root;
        for level in (0..levels).rev() {
            let within = self.page_bits + level * level_bits;
            let index = (address >> within) & mask(level_bits);
            let entry = memory.read_obj(GuestAddress(table.checked_add(index * 8)?)).ok()?;
            match (self.read)(entry, level) {
                Entry::Table(next) => table = next,
                Entry::Memory(base) => {
                    return Some((base & !mask(within)) | (address & mask(within)));
                }
                Entry::Nothing => return None,
            }
        }
        None
    }
}

/// Returns a number of which only that many bits, fewer than 64, are set.
fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads an entry that is a table's with bit 0, and memory's with bit 1.
    fn read(entry: u64, level: u32) -> Entry {
        match entry & 3 {
            1 if level > 0 => Entry::Table(entry & !0xfff),
            2 => Entry::Memory(entry & !0xfff),
            _ => Entry::Nothing,
        }
    }

    #[test]
    fn an_address_leads_to_a_page_of_any_level_or_to_nothing() {
        let memory = GuestMemoryMmap::from_ranges(&[(GuestAddress(0x8000_0000), 0x4000)]).unwrap();
        for (at, entry) in [
            (0x8000_0000 + 8, 0x8000_1001_u64),
            (0x8000_0000 + 16, 0x9999_f001),
            (0x8000_1000 + 3 * 8, 0x8000_2001),
            (0x8000_1000 + 4 * 8, 0xa000_0002),
            (0x8000_2000 + 5 * 8, 0xb000_7002),
            (0x8000_2000 + 6 * 8, 0x8000_1001),
        ] {
            memory.write_obj(entry, GuestAddress(at)).unwrap();
        }
        let tables = PageTables { root: 0x8000_0000, page_bits: 12, address_bits: 39, read };
        let cases = [
            (0x4060_5678, Some(0xb000_7678)),
            // Addresses have more bits than are translated.
            (0xffff_ff80_4060_5678, Some(0xb000_7678)),
            (0x4081_2345, Some(0xa001_2345)),
            (0x4060_6000, None),
            (0x4060_7000, None),
            (0x8000_0000, None),
        ];
        for (address, physical) in cases {
            assert_eq!(tables.physical(&memory, address), physical, "{address:#x}");
        }
        assert_eq!(PageTables { address_bits: 12, ..tables }.physical(&memory, 0), None);
    }
}
