//! The block device: sectors of a disk.

mod disk;
mod ring;
#[cfg(test)]
mod tests;
mod transfer;

use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;

use virtio_bindings::virtio_blk::{
    VIRTIO_BLK_F_BLK_SIZE, VIRTIO_BLK_F_DISCARD, VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_F_RO,
    VIRTIO_BLK_F_SEG_MAX, VIRTIO_BLK_F_TOPOLOGY, VIRTIO_BLK_F_WRITE_ZEROES, VIRTIO_BLK_ID_BYTES,
    VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_OK, VIRTIO_BLK_S_UNSUPP, VIRTIO_BLK_T_DISCARD,
    VIRTIO_BLK_T_FLUSH, VIRTIO_BLK_T_GET_ID, VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT,
    VIRTIO_BLK_T_WRITE_ZEROES, VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP,
};
use virtio_bindings::virtio_ids::VIRTIO_ID_BLOCK;

pub(super) use self::disk::{Disk, RawFile};
use self::ring::{Job, Ring, Work};
use super::chain::Chain;
use super::device::{Kind, VirtioDevice, copy_config};
use super::fault::GuestFault;
use super::queues::Queues;

/// Bytes of a sector, whatever the disk's own are.
const SECTOR: u64 = 512;

/// Most requests at once.
const QUEUE: u16 = 256;

/// The one queue.
const REQUESTS: usize = 0;

/// Bytes before the data of a request: kind, reserved, sector.
const HEADER: usize = 16;

/// Bytes of a range to discard or to fill with zeros: sector, count of sectors, flags.
const RANGE: usize = 16;

/// Most sectors of such a range.
const RANGE_MAX: u32 = u32::MAX >> 9;

/// Bytes of the configuration.
const CONFIG: usize = 60;

/// A block device.
pub(super) struct Block {
    disk: Arc<dyn Disk>,
    /// What the guest can know it by.
    id: String,
    /// Whether each write has to last before it is answered: the driver cannot flush.
    writes_through: bool,
    has_complained: bool,
}

/// Why a request is not done.
enum Refusal {
    Failed(io::Error),
    Invalid,
    Unsupported,
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Refusal::Failed(error)
    }
}

/// What a request begins with, and how much room for data it has before its status.
struct Header {
    kind: u32,
    sector: u64,
    room: usize,
}

impl Header {
    fn read(chain: &Chain) -> Result<Header, GuestFault> {
        let [kind, _, low, high]: [u32; HEADER / 4] = chain.read_object(0)?;
        let sector = u64::from(u32::from_le(high)) << 32 | u64::from(u32::from_le(low));
        Ok(Header { kind: u32::from_le(kind), sector, room: Header::room(chain)? })
    }

    fn room(chain: &Chain) -> Result<usize, GuestFault> {
        let room = chain.writable_len().checked_sub(1);
        room.ok_or_else(|| GuestFault::new("a request without room for its status"))
    }
}

impl Block {
    pub(super) fn new(disk: Arc<dyn Disk>, id: String) -> Block {
        Block { disk, id, writes_through: true, has_complained: false }
    }

    /// Does a request and says how; returns how many bytes were written with the status.
    fn serve(&mut self, chain: &Chain) -> Result<u32, GuestFault> {
        let Header { kind, sector, room } = Header::read(chain)?;
        let result = self.act(chain, kind, sector, room)?;
        self.answer(chain, result)
    }

    /// Says how a request ended; returns how many bytes were written with that.
    fn answer(&mut self, chain: &Chain, result: Result<usize, Refusal>) -> Result<u32, GuestFault> {
        let (status, written) = match result {
            Ok(written) => (VIRTIO_BLK_S_OK, written),
            Err(Refusal::Unsupported) => (VIRTIO_BLK_S_UNSUPP, 0),
            Err(Refusal::Invalid) => (VIRTIO_BLK_S_IOERR, 0),
            Err(Refusal::Failed(error)) => {
                self.complain(&error);
                (VIRTIO_BLK_S_IOERR, 0)
            }
        };
        chain.write(Header::room(chain)?, &[status as u8])?;
        Ok(written as u32 + 1)
    }

    /// Does a request with so much room for data; returns how many bytes were written.
    fn act(
        &self,
        chain: &Chain,
        kind: u32,
        sector: u64,
        room: usize,
    ) -> Result<Result<usize, Refusal>, GuestFault> {
        Ok(match kind {
            VIRTIO_BLK_T_IN => {
                let memory = chain.writable(0..room)?;
                self.range(sector, room as u64).and_then(|at| {
                    self.disk.read(at, &memory)?;
                    Ok(room)
                })
            }
            VIRTIO_BLK_T_OUT => {
                let data = HEADER..chain.readable_len();
                let memory = chain.readable(data.clone())?;
                self.writable_range(sector, data.len() as u64).and_then(|at| {
                    self.disk.write(at, &memory)?;
                    self.settle()
                })
            }
            VIRTIO_BLK_T_FLUSH => self.disk.flush().map(|()| 0).map_err(Refusal::from),
            VIRTIO_BLK_T_GET_ID => {
                let mut id = [0; VIRTIO_BLK_ID_BYTES as usize];
                copy_config(self.id.as_bytes(), 0, &mut id);
                let length = room.min(id.len());
                chain.write(0, id.get(..length).unwrap_or_default())?;
                Ok(length)
            }
            VIRTIO_BLK_T_DISCARD | VIRTIO_BLK_T_WRITE_ZEROES => {
                if chain.readable_len() != HEADER + RANGE {
                    return Ok(Err(Refusal::Invalid));
                }
                let range: [u32; RANGE / 4] = chain.read_object(HEADER)?;
                self.clear(kind, range.map(u32::from_le))
            }
            _ => Err(Refusal::Unsupported),
        })
    }

    /// Begins the requests that move data or flush, as long as there is room in the ring, and does the others.
    fn begin(&mut self, ring: &Ring, queue: usize, queues: &mut Queues) -> Result<(), GuestFault> {
        let begun = queues.serve_or_keep(queue, |chain| match self.job(&chain)? {
            Some(job) if ring.has_room() => ring.take(chain, job).map(|()| None),
            _ => self.serve(&chain).map(|written| Some((chain.head(), written))),
        });
        ring.submit();
        begun
    }

    /// Answers the requests that are done.
    fn finish(&mut self, ring: &Ring, queues: &mut Queues) -> Result<(), GuestFault> {
        while let Some((chain, result)) = ring.next_done()? {
            let written = self.answer(&chain, result.map_err(Refusal::from))?;
            queues.complete(REQUESTS, chain.head(), written)?;
        }
        ring.submit();
        queues.signal(REQUESTS)
    }

    /// Says what a request is for the ring: one that moves data or flushes, and that nothing is wrong with.
    fn job(&self, chain: &Chain) -> Result<Option<Job>, GuestFault> {
        let Header { kind, sector, room } = Header::read(chain)?;
        let (work, data) = match kind {
            VIRTIO_BLK_T_IN => (Work::Read, 0..room),
            VIRTIO_BLK_T_OUT if self.writes_through => {
                (Work::LastingWrite, HEADER..chain.readable_len())
            }
            VIRTIO_BLK_T_OUT => (Work::Write, HEADER..chain.readable_len()),
            VIRTIO_BLK_T_FLUSH => return Ok(Some(Job { work: Work::Flush, at: 0, data: 0..0 })),
            _ => return Ok(None),
        };
        let length = data.len() as u64;
        let at = match work {
            Work::Read => self.range(sector, length),
            _ => self.writable_range(sector, length),
        };
        Ok(at.ok().filter(|_| !data.is_empty()).map(|at| Job { work, at, data }))
    }

    /// Discards a range of sectors, or fills it with zeros.
    fn clear(
        &self,
        kind: u32,
        [low, high, count, flags]: [u32; RANGE / 4],
    ) -> Result<usize, Refusal> {
        let sector = u64::from(high) << 32 | u64::from(low);
        let length = u64::from(count) * SECTOR;
        let unmap = flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP != 0;
        match kind {
            _ if flags & !VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP != 0 => Err(Refusal::Unsupported),
            VIRTIO_BLK_T_DISCARD if unmap => Err(Refusal::Unsupported),
            _ if RANGE_MAX < count || count == 0 => Err(Refusal::Invalid),
            VIRTIO_BLK_T_DISCARD => {
                self.disk.discard(self.writable_range(sector, length)?, length)?;
                self.settle()
            }
            _ => {
                self.disk.write_zeroes(self.writable_range(sector, length)?, length, unmap)?;
                self.settle()
            }
        }
    }

    /// Ends a request that wrote to the disk, and nothing for the driver.
    fn settle(&self) -> Result<usize, Refusal> {
        if self.writes_through {
            self.disk.flush()?;
        }
        Ok(0)
    }

    /// Finds where whole sectors begin on the disk.
    fn range(&self, sector: u64, length: u64) -> Result<u64, Refusal> {
        let start = sector.checked_mul(SECTOR);
        let end = start.and_then(|start| start.checked_add(length));
        let is_inside = end.is_some_and(|end| end <= self.disk.length());
        match start {
            Some(start) if is_inside && length.is_multiple_of(SECTOR) => Ok(start),
            _ => Err(Refusal::Invalid),
        }
    }

    fn writable_range(&self, sector: u64, length: u64) -> Result<u64, Refusal> {
        match self.disk.is_read_only() {
            true => Err(Refusal::Invalid),
            false => self.range(sector, length),
        }
    }

    /// Tells the user once that the disk fails; the guest knows of every time.
    fn complain(&mut self, error: &io::Error) {
        if !self.has_complained {
            self.has_complained = true;
            log::warn!("{}: a request failed: {error}: the guest knows", self.id);
        }
    }
}

impl VirtioDevice for Block {
    fn kind(&self) -> Kind {
        Kind { id: VIRTIO_ID_BLOCK as u16, name: "blk", class: [0x01, 0x80, 0] }
    }

    fn features(&self) -> u64 {
        let more = match self.disk.is_read_only() {
            true => 1 << VIRTIO_BLK_F_RO,
            false => 1 << VIRTIO_BLK_F_DISCARD | 1 << VIRTIO_BLK_F_WRITE_ZEROES,
        };
        1 << VIRTIO_BLK_F_SEG_MAX
            | 1 << VIRTIO_BLK_F_BLK_SIZE
            | 1 << VIRTIO_BLK_F_TOPOLOGY
            | 1 << VIRTIO_BLK_F_FLUSH
            | more
    }

    fn queue_sizes(&self) -> &[u16] {
        &[QUEUE]
    }

    fn read_config(&self, offset: u64, data: &mut [u8]) {
        let mut config = [0; CONFIG];
        let mut put = |at: usize, bytes: &[u8]| {
            config.iter_mut().skip(at).zip(bytes).for_each(|(to, from)| *to = *from);
        };
        put(0, &(self.disk.length() / SECTOR).to_le_bytes());
        // Segments: all buffers but those of header and status.
        put(12, &u32::from(QUEUE - 2).to_le_bytes());
        // Sizes of blocks: the logical one, and which power of two of these is the physical one.
        put(20, &(SECTOR as u32).to_le_bytes());
        put(24, &[(self.disk.block() / SECTOR).trailing_zeros() as u8]);
        put(26, &1_u16.to_le_bytes());
        // Ranges to discard: sectors, how many ranges, alignment; to fill with zeros: sectors, ranges, may they unmap.
        let alignment = (self.disk.block() / SECTOR) as u32;
        for (at, value) in [(36, RANGE_MAX), (40, 1), (44, alignment), (48, RANGE_MAX), (52, 1)] {
            put(at, &value.to_le_bytes());
        }
        put(56, &[1]);
        copy_config(&config, offset, data);
    }

    fn start(&mut self, features: u64) {
        self.writes_through = features & 1 << VIRTIO_BLK_F_FLUSH == 0;
    }

    fn reset(&mut self) {
        if let Some(ring) = self.disk.ring() {
            ring.drain();
        }
    }

    fn sources(&self) -> Vec<RawFd> {
        self.disk.ring().map(Ring::done).into_iter().collect()
    }

    fn notified(&mut self, queue: usize, queues: &mut Queues) -> Result<(), GuestFault> {
        let disk = Arc::clone(&self.disk);
        match disk.ring() {
            Some(ring) => self.begin(ring, queue, queues),
            None => queues.serve(queue, |chain| self.serve(chain)),
        }
    }

    fn woken(&mut self, _source: usize, queues: &mut Queues) -> Result<(), GuestFault> {
        let disk = Arc::clone(&self.disk);
        disk.ring().map_or(Ok(()), |ring| self.finish(ring, queues))
    }
}
