//! The queues of a device, as the device sees them.

use std::sync::Arc;

use virtio_queue::{Queue, QueueOwnedT, QueueT};
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};
use vmm_sys_util::eventfd::EventFd;

use super::chain::Chain;
use super::fault::GuestFault;
use super::interrupt::{Cause, Interrupt};

/// Bytes before the elements of a used ring, and of each of these.
const USED_HEADER: u64 = 4;
const USED_ELEMENT: u64 = 8;

/// The queues of a device, and the way back to its driver.
pub(super) struct Queues {
    memory: Arc<GuestMemoryMmap>,
    pub(super) rings: Vec<Queue>,
    /// Signalled when there is something new in the queue of that index.
    pub(super) kicks: Vec<EventFd>,
    interrupt: Arc<dyn Interrupt>,
    config_changed: bool,
}

impl Queues {
    pub(super) fn new(
        memory: Arc<GuestMemoryMmap>,
        rings: Vec<Queue>,
        kicks: Vec<EventFd>,
        interrupt: Arc<dyn Interrupt>,
    ) -> Queues {
        Queues { memory, rings, kicks, interrupt, config_changed: false }
    }

    /// Returns the guest's memory.
    pub(super) fn memory(&self) -> &Arc<GuestMemoryMmap> {
        &self.memory
    }

    /// Returns how many chains a queue has room for.
    pub(super) fn size(&self, index: usize) -> usize {
        self.rings.get(index).map_or(0, |ring| ring.size().into())
    }

    /// Takes the next chain of a queue; without one, the driver says when there is one again.
    pub(super) fn pop(&mut self, index: usize) -> Result<Option<Chain>, GuestFault> {
        let Some(ring) = self.rings.get_mut(index).filter(|ring| ring.ready()) else {
            return Ok(None);
        };
        let memory = self.memory.as_ref();
        let mut taken = ring.iter(memory)?.next();
        // What comes in between is seen here, or the driver sees that it has to tell.
        if taken.is_none() && ring.enable_notification(memory)? {
            taken = ring.iter(memory)?.next();
        }
        let most = ring.max_size();
        taken.map(|descriptors| Chain::follow(&self.memory, descriptors, most)).transpose()
    }

    /// Gives the chain of that number back, with so many bytes written.
    pub(super) fn complete(
        &mut self,
        index: usize,
        head: u16,
        written: u32,
    ) -> Result<(), GuestFault> {
        match self.rings.get_mut(index) {
            Some(ring) => Ok(ring.add_used(self.memory.as_ref(), head, written)?),
            None => Ok(()),
        }
    }

    /// Gives chains back by their numbers, each with so many bytes written: the driver finds all of them or none.
    pub(super) fn complete_together(
        &mut self,
        index: usize,
        used: &[(u16, u32)],
    ) -> Result<(), GuestFault> {
        let (Some(ring), Some(((head, written), others))) =
            (self.rings.get_mut(index), used.split_last())
        else {
            return Ok(());
        };
        let memory = self.memory.as_ref();
        let mut position = ring.next_used();
        for (head, written) in others {
            let slot = u64::from(position % ring.size());
            let element = [u32::from(*head).to_le(), written.to_le()];
            let address = GuestAddress(ring.used_ring() + USED_HEADER + USED_ELEMENT * slot);
            memory.write_obj(element, address).map_err(virtio_queue::Error::GuestMemory)?;
            position = position.wrapping_add(1);
        }
        // The first time gives all of them back; each time counts as one for the next interrupt.
        for _ in used {
            ring.set_next_used(position);
            ring.add_used(memory, *head, *written)?;
        }
        Ok(())
    }

    /// Interrupts the driver if it wants to know of what was given back.
    pub(super) fn signal(&mut self, index: usize) -> Result<(), GuestFault> {
        let Some(ring) = self.rings.get_mut(index) else { return Ok(()) };
        if ring.needs_notification(self.memory.as_ref())? {
            self.interrupt.raise(Cause::Queue(index as u16));
        }
        Ok(())
    }

    /// Serves the chains of a queue one after the other: `each` returns how many bytes it wrote. What is more than a
    /// queue full waits for the next turn.
    pub(super) fn serve(
        &mut self,
        index: usize,
        mut each: impl FnMut(&Chain) -> Result<u32, GuestFault>,
    ) -> Result<(), GuestFault> {
        self.serve_or_keep(index, |chain| Ok(Some((chain.head(), each(&chain)?))))
    }

    /// Likewise, and `each` returns the chain's number, too, or nothing where it keeps the chain to complete it later.
    pub(super) fn serve_or_keep(
        &mut self,
        index: usize,
        mut each: impl FnMut(Chain) -> Result<Option<(u16, u32)>, GuestFault>,
    ) -> Result<(), GuestFault> {
        let most = self.rings.get(index).map_or(0, QueueT::size);
        for served in 0..most {
            let Some(chain) = self.pop(index)? else {
                return if served == 0 { Ok(()) } else { self.signal(index) };
            };
            if let Some((head, written)) = each(chain)? {
                self.complete(index, head, written)?;
            }
        }
        self.kick(index);
        self.signal(index)
    }

    /// Has the device serve a queue again.
    pub(super) fn kick(&self, index: usize) {
        if let Some(kick) = self.kicks.get(index) {
            // A counter that is full wakes, too.
            let _ = kick.write(1);
        }
    }

    /// Tells the driver that the configuration is another one.
    pub(super) fn change_config(&mut self) {
        self.config_changed = true;
    }

    /// Says once that the configuration is another one.
    pub(super) fn take_config_change(&mut self) -> bool {
        std::mem::take(&mut self.config_changed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Interrupts;
    use super::*;

    /// Where the used ring is.
    const USED: u64 = 0x2000;

    #[test]
    fn the_driver_finds_all_chains_that_are_given_back_together_or_none() {
        let memory = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 0x1_0000)]).unwrap();
        let mut ring = Queue::new(8).unwrap();
        ring.set_used_ring_address(Some(USED as u32), None);
        ring.set_next_used(7);
        let memory = Arc::new(memory);
        let interrupt = Arc::new(Interrupts::default());
        let mut queues = Queues::new(Arc::clone(&memory), vec![ring], Vec::new(), interrupt);
        let count = || memory.read_obj::<u16>(GuestAddress(USED + 2)).unwrap();
        let elements = |slots: [u64; 3]| {
            slots
                .map(|slot| memory.read_obj::<[u32; 2]>(GuestAddress(USED + 4 + 8 * slot)).unwrap())
        };
        queues.complete_together(0, &[(3, 100), (1, 200), (2, 300)]).unwrap();
        assert_eq!(elements([7, 0, 1]), [[3, 100], [1, 200], [2, 300]]);
        assert_eq!(count(), 10);
        queues.complete_together(0, &[(4, 1), (5, 1), (8, 1)]).unwrap_err();
        assert_eq!(count(), 10, "there is no chain with the last number");
    }
}
