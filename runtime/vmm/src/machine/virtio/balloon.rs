//! The balloon: memory that the guest gives back to the host, and takes again.

mod release;
mod setting;
mod statistics;
#[cfg(test)]
mod tests;

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use virtio_bindings::virtio_ids::VIRTIO_ID_BALLOON;
use vm_memory::{GuestAddress, GuestMemoryBackend, VolatileSlice};
use vmm_sys_util::timerfd::TimerFd;

use super::chain::Chain;
use super::device::{Kind, VirtioDevice, copy_config};
use super::fault::GuestFault;
use super::queues::Queues;
use setting::PAGE;
pub(crate) use setting::Setting;
use statistics::Statistics;

/// Numbers of features: the guest tells before it takes pages back, says numbers of its memory, takes pages back rather
/// than kill a program, and reports pages that it does not use.
const TELLS: u64 = 0;
const STATISTICS: u64 = 1;
const GIVES_WAY: u64 = 2;
const REPORTS: u64 = 5;

/// The queues: pages that the guest gives, pages that it takes back, and numbers of its memory. One more has the pages
/// that it reports: drivers do not agree whether that is the fifth, or the next one of those in use.
const GIVE: usize = 0;
const TAKE: usize = 1;
const NUMBERS: usize = 2;

/// Where the driver says in the configuration how many pages it gives.
const ACTUAL: u64 = 4;

/// Most chains of each queue.
const QUEUE: u16 = 128;

/// Most pages that are named at once, and the bytes of a page's number.
const PAGES: usize = 1 << 16;
const NUMBER: usize = 4;

/// How often the guest is asked for its numbers.
const INTERVAL: Duration = Duration::from_secs(1);

/// A balloon.
pub(super) struct Balloon {
    setting: Arc<Setting>,
    timer: TimerFd,
    /// Whether the driver has a queue for its numbers.
    has_numbers: bool,
    /// The buffers of the last numbers: the driver says the next ones when it has these back.
    said: Option<Chain>,
    has_complained: bool,
}

impl Balloon {
    /// Makes a balloon, which asks for the guest's numbers where somebody wants them.
    pub(super) fn new(setting: Arc<Setting>, asks: bool) -> io::Result<Balloon> {
        let mut timer = TimerFd::new()?;
        if asks {
            timer.reset(INTERVAL, Some(INTERVAL))?;
        }
        setting.forget();
        Ok(Balloon { setting, timer, has_numbers: false, said: None, has_complained: false })
    }

    /// Gives pages that a chain names back to the host.
    fn give(&mut self, queues: &mut Queues) -> Result<(), GuestFault> {
        let memory = Arc::clone(queues.memory());
        queues.serve(GIVE, |chain| {
            for (first, count) in runs(numbers(chain)?) {
                let address = GuestAddress(u64::from(first) * PAGE);
                let length = (u64::from(count) * PAGE) as usize;
                if !memory.check_range(address, length) {
                    return Err(GuestFault::new(format!(
                        "pages that are not in memory: {count} at {:#x}",
                        address.0
                    )));
                }
                for slice in memory.get_slices(address, length) {
                    self.release(&slice.map_err(virtio_queue::Error::GuestMemory)?);
                }
            }
            Ok(0)
        })
    }

    /// Gives pages that a chain consists of back to the host.
    fn reported(&mut self, queue: usize, queues: &mut Queues) -> Result<(), GuestFault> {
        queues.serve(queue, |chain| {
            for slice in chain.writable(0..chain.writable_len())? {
                self.release(&slice);
            }
            Ok(0)
        })
    }

    fn release(&mut self, memory: &VolatileSlice<'_>) {
        if let Err(error) = release::release(memory)
            && !self.has_complained
        {
            self.has_complained = true;
            log::warn!("the balloon cannot give memory back to the host: {error}");
        }
    }

    /// Takes the numbers that the guest says, and keeps its buffers until it is asked again.
    fn hear(&mut self, queues: &mut Queues) -> Result<(), GuestFault> {
        let Some(chain) = queues.pop(NUMBERS)? else { return Ok(()) };
        self.setting.set_statistics(Statistics::read(&chain)?);
        if let Some(before) = self.said.replace(chain) {
            queues.complete(NUMBERS, before.head(), 0)?;
        }
        // What else is there is for the next turn.
        queues.kick(NUMBERS);
        Ok(())
    }

    /// Asks the guest for its numbers.
    fn ask(&mut self, queues: &mut Queues) -> Result<(), GuestFault> {
        // It has run: that is what woke the device.
        let _ = self.timer.wait();
        let Some(chain) = self.said.take() else { return Ok(()) };
        queues.complete(NUMBERS, chain.head(), 0)?;
        queues.signal(NUMBERS)
    }
}

/// Returns the numbers of pages that a chain names.
fn numbers(chain: &Chain) -> Result<Vec<u32>, GuestFault> {
    let length = chain.readable_len();
    if PAGES * NUMBER < length {
        return Err(GuestFault::new(format!(
            "the numbers of {} pages where {PAGES} are the most",
            length / NUMBER
        )));
    }
    let mut bytes = vec![0; length];
    chain.read(0, &mut bytes)?;
    let number = |bytes: &[u8; NUMBER]| u32::from_le_bytes(*bytes);
    Ok(bytes.as_chunks().0.iter().map(number).collect())
}

/// Returns pages as runs: the first page, and how many there are.
fn runs(mut pages: Vec<u32>) -> Vec<(u32, u32)> {
    pages.sort_unstable();
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for page in pages {
        match runs.last_mut() {
            Some((first, count)) if page - *first < *count => {}
            Some((first, count)) if page - *first == *count => *count += 1,
            _ => runs.push((page, 1)),
        }
    }
    runs
}

impl VirtioDevice for Balloon {
    fn kind(&self) -> Kind {
        Kind { id: VIRTIO_ID_BALLOON as u16, name: "balloon", class: [0, 0xff, 0] }
    }

    fn features(&self) -> u64 {
        let gives_way = u64::from(self.setting.gives_way) << GIVES_WAY;
        1 << TELLS | 1 << STATISTICS | gives_way | 1 << REPORTS
    }

    fn queue_sizes(&self) -> &[u16] {
        &[QUEUE; 5]
    }

    fn read_config(&self, offset: u64, data: &mut [u8]) {
        let [target, actual] = self.setting.pages().map(u32::to_le_bytes);
        copy_config(&[target, actual].concat(), offset, data);
    }

    fn write_config(&mut self, offset: u64, data: &[u8]) {
        if let (ACTUAL, Ok(actual)) = (offset, data.try_into()) {
            self.setting.set_actual(u32::from_le_bytes(actual));
        }
    }

    fn start(&mut self, features: u64) {
        self.has_numbers = features & 1 << STATISTICS != 0;
    }

    fn reset(&mut self) {
        self.said = None;
        self.setting.forget();
    }

    fn sources(&self) -> Vec<RawFd> {
        let socket = self.setting.socket.iter().map(AsRawFd::as_raw_fd);
        [self.timer.as_raw_fd()].into_iter().chain(socket).collect()
    }

    fn notified(&mut self, queue: usize, queues: &mut Queues) -> Result<(), GuestFault> {
        match queue {
            GIVE => self.give(queues),
            TAKE => queues.serve(TAKE, |_| Ok(0)),
            NUMBERS if self.has_numbers => self.hear(queues),
            _ => self.reported(queue, queues),
        }
    }

    fn woken(&mut self, source: usize, queues: &mut Queues) -> Result<(), GuestFault> {
        match source {
            0 => self.ask(queues),
            _ => {
                if self.setting.receive() {
                    queues.change_config();
                }
                Ok(())
            }
        }
    }
}
