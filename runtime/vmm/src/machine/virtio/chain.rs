//! A chain of buffers that the driver gives: checked as a whole before a device sees it.

use std::ops::Range;
use std::sync::Arc;

use virtio_queue::DescriptorChain;
use vm_memory::{ByteValued, GuestAddress, GuestMemoryBackend, GuestMemoryMmap, VolatileSlice};

use super::fault::GuestFault;

/// A chain: what the device reads, and then what it writes. All of it lies in the guest's memory.
pub(super) struct Chain {
    head: u16,
    memory: Arc<GuestMemoryMmap>,
    buffers: Vec<Buffer>,
    /// How many of the buffers the device reads: the first ones.
    readable: usize,
}

#[derive(Clone, Copy)]
struct Buffer {
    address: GuestAddress,
    length: usize,
}

impl Chain {
    /// Follows a chain, which has `most` buffers at most.
    pub(super) fn follow(
        memory: &Arc<GuestMemoryMmap>,
        descriptors: DescriptorChain<&GuestMemoryMmap>,
        most: u16,
    ) -> Result<Chain, GuestFault> {
        let head = descriptors.head_index();
        let (mut buffers, mut readable, mut has_next) = (Vec::new(), 0, true);
        for descriptor in descriptors {
            let buffer = Buffer { address: descriptor.addr(), length: descriptor.len() as usize };
            if !memory.check_range(buffer.address, buffer.length) {
                return Err(GuestFault::new(format!(
                    "a buffer that is not in memory: {} bytes at {:#x}",
                    buffer.length, buffer.address.0
                )));
            }
            match descriptor.is_write_only() {
                true => {}
                false if readable == buffers.len() => readable += 1,
                false => return Err(GuestFault::new("a buffer to read behind one to write")),
            }
            if buffers.len() == usize::from(most) {
                return Err(GuestFault::new(format!("a chain of more than {most} buffers")));
            }
            buffers.push(buffer);
            has_next = descriptor.has_next();
        }
        // The iterator ends without a word where a chain goes on to what cannot be.
        match has_next {
            true => Err(GuestFault::new("a chain that goes round, or on to where no buffer is")),
            false => Ok(Chain { head, memory: Arc::clone(memory), buffers, readable }),
        }
    }

    /// Returns its number, under which it is given back.
    pub(super) fn head(&self) -> u16 {
        self.head
    }

    /// Returns how many bytes the device may read.
    pub(super) fn readable_len(&self) -> usize {
        length(self.to_read())
    }

    /// Returns how many bytes the device may write.
    pub(super) fn writable_len(&self) -> usize {
        length(self.to_write())
    }

    /// Reads what the driver wrote at `offset`.
    pub(super) fn read(&self, offset: usize, data: &mut [u8]) -> Result<(), GuestFault> {
        let mut rest = data;
        for slice in self.readable(offset..offset + rest.len())? {
            let count = slice.copy_to(rest);
            rest = rest.get_mut(count..).unwrap_or_default();
        }
        Ok(())
    }

    /// Reads a structure that the driver wrote at `offset`.
    pub(super) fn read_object<T: ByteValued + Default>(
        &self,
        offset: usize,
    ) -> Result<T, GuestFault> {
        let mut object = T::default();
        self.read(offset, object.as_mut_slice())?;
        Ok(object)
    }

    /// Writes at `offset` for the driver.
    pub(super) fn write(&self, offset: usize, data: &[u8]) -> Result<(), GuestFault> {
        let mut rest = data;
        for slice in self.writable(offset..offset + rest.len())? {
            let (now, later) = rest.split_at(slice.len());
            slice.copy_from(now);
            rest = later;
        }
        Ok(())
    }

    /// Returns the memory of a part of what the driver wrote.
    pub(super) fn readable(
        &self,
        range: Range<usize>,
    ) -> Result<Vec<VolatileSlice<'_>>, GuestFault> {
        self.slices(self.to_read(), range)
    }

    /// Returns the memory of a part of what the device writes.
    pub(super) fn writable(
        &self,
        range: Range<usize>,
    ) -> Result<Vec<VolatileSlice<'_>>, GuestFault> {
        self.slices(self.to_write(), range)
    }

    fn to_read(&self) -> &[Buffer] {
        self.buffers.get(..self.readable).unwrap_or_default()
    }

    fn to_write(&self) -> &[Buffer] {
        self.buffers.get(self.readable..).unwrap_or_default()
    }

    fn slices(
        &self,
        buffers: &[Buffer],
        range: Range<usize>,
    ) -> Result<Vec<VolatileSlice<'_>>, GuestFault> {
        let (mut skip, mut left) = (range.start, range.len());
        let mut slices = Vec::with_capacity(buffers.len());
        for buffer in buffers {
            let skipped = skip.min(buffer.length);
            let taken = left.min(buffer.length - skipped);
            skip -= skipped;
            left -= taken;
            let address = GuestAddress(buffer.address.0 + skipped as u64);
            for slice in self.memory.get_slices(address, taken) {
                slices.push(slice.map_err(virtio_queue::Error::GuestMemory)?);
            }
        }
        match (skip, left) {
            (0, 0) => Ok(slices),
            _ => Err(GuestFault::new(format!(
                "{} bytes where {} are needed",
                length(buffers),
                range.end
            ))),
        }
    }
}

fn length(buffers: &[Buffer]) -> usize {
    buffers.iter().map(|buffer| buffer.length).sum()
}

#[cfg(test)]
mod tests {
    use super::super::device::{Kind, VirtioDevice};
    use super::super::interrupt::Cause;
    use super::super::queues::Queues;
    use super::super::testing::{Descriptor, Driver, INDIRECT, MEMORY, NEXT, WRITE};
    use super::*;

    /// Writes what it reads.
    struct Echo;

    impl VirtioDevice for Echo {
        fn kind(&self) -> Kind {
            Kind { id: 0x3f, name: "echo", class: [0xff, 0, 0] }
        }

        fn features(&self) -> u64 {
            0
        }

        fn queue_sizes(&self) -> &[u16] {
            &[8]
        }

        fn read_config(&self, _: u64, _: &mut [u8]) {}

        fn notified(&mut self, queue: usize, queues: &mut Queues) -> Result<(), GuestFault> {
            queues.serve(queue, |chain| {
                let mut bytes = vec![0; chain.readable_len()];
                chain.read(0, &mut bytes)?;
                chain.write(0, &bytes)?;
                Ok(bytes.len() as u32)
            })
        }
    }

    fn buffer(address: u64, flags: u16, next: u16) -> Descriptor {
        Descriptor { address, length: 16, flags, next }
    }

    #[test]
    fn buffers_are_one_text_however_it_is_cut() {
        let mut driver = Driver::start(Echo);
        let used = driver.request(0, &[b"ab", b"", b"cdefg"], &[1, 4, 3]);
        assert_eq!(used.bytes, b"abcdefg\0");
        for _ in 0..20 {
            assert_eq!(driver.request(0, &[b"x"], &[1]).bytes, b"x");
        }
    }

    #[test]
    fn an_indirect_table_is_one_chain() {
        let mut driver = Driver::start(Echo);
        let (table, text) = (driver.allocate(48), driver.allocate(16));
        driver.write_descriptor(table, buffer(text, NEXT, 1));
        driver.write_descriptor(table + 16, buffer(text, WRITE, 0));
        driver.describe(0, 3, Descriptor { address: table, length: 32, flags: INDIRECT, next: 0 });
        driver.make_available(0, 3);
        driver.kick(0);
        assert_eq!(driver.take(0).map(|used| (used.head, used.written)), Some((3, 16)));
    }

    /// What must stop the device, by what the driver does.
    #[test]
    fn a_chain_that_cannot_be_stops_the_device_until_it_is_reset() {
        let end = MEMORY as u64;
        let table = |length| Descriptor { address: 0x20_0000, length, flags: INDIRECT, next: 0 };
        let cases: &[(&str, &[Descriptor])] = &[
            ("goes round", &[buffer(0, NEXT, 1), buffer(0, NEXT, 0)]),
            ("goes on behind the table", &[buffer(0, NEXT, 8)]),
            ("ends behind memory", &[buffer(end - 8, 0, 0)]),
            ("wraps around", &[buffer(u64::MAX - 7, 0, 0)]),
            ("reads after writes", &[buffer(0, NEXT | WRITE, 1), buffer(0, 0, 0)]),
            ("has no room", &[buffer(0, 0, 0)]),
            ("has an indirect table of part of a descriptor", &[table(24)]),
            ("has an empty indirect table", &[table(0)]),
            ("has an indirect table behind memory", &[buffer(end, INDIRECT, 0)]),
            ("has a table in a table", &[table(16)]),
        ];
        let mut driver = Driver::start(Echo);
        driver.write_descriptor(0x20_0000, table(16));
        for (what, descriptors) in cases {
            for (index, descriptor) in (0..).zip(*descriptors) {
                driver.describe(0, index, *descriptor);
            }
            driver.make_available(0, 0);
            driver.kick(0);
            assert!(driver.needs_reset(), "a chain that {what}");
            assert_eq!(driver.interrupts(), [Cause::Config], "a chain that {what}");
            driver.offer(0, &[], &[1]);
            driver.kick(0);
            assert_eq!(driver.take(0), None, "a device that stopped for a chain that {what}");
            driver.restart(u64::MAX);
            assert_eq!(driver.request(0, &[b"on"], &[2]).bytes, b"on", "after one that {what}");
            driver.interrupts();
        }
    }

    #[test]
    fn a_chain_longer_than_the_queue_stops_the_device() {
        let mut driver = Driver::start(Echo);
        let table = driver.allocate(16 * 9);
        for index in 0..9 {
            let flags = if index < 8 { NEXT } else { 0 };
            driver.write_descriptor(table + 16 * index, buffer(0, flags, index as u16 + 1));
        }
        let length = 16 * 9;
        driver.describe(0, 0, Descriptor { address: table, length, flags: INDIRECT, next: 0 });
        driver.make_available(0, 0);
        driver.kick(0);
        assert!(driver.needs_reset());
    }

    #[test]
    fn heads_and_counts_that_cannot_be_stop_the_device() {
        let mut driver = Driver::start(Echo);
        driver.make_available(0, 8);
        driver.kick(0);
        assert!(driver.needs_reset(), "a head behind the table");
        driver.restart(u64::MAX);
        driver.set_available(0, 9);
        driver.kick(0);
        assert!(driver.needs_reset(), "more chains than the queue has room for");
    }
}
