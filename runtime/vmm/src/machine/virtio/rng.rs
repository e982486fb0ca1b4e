//! The source of entropy: bytes of the host's own.

use virtio_bindings::virtio_ids::VIRTIO_ID_RNG;

use super::device::{Kind, VirtioDevice, copy_config};
use super::fault::GuestFault;
use super::queues::Queues;

/// Most bytes of one request: a driver that asks for more asks again.
const MOST: usize = 4096;

/// The source of entropy.
pub(super) struct Rng;

impl VirtioDevice for Rng {
    fn kind(&self) -> Kind {
        Kind { id: VIRTIO_ID_RNG as u16, name: "rng", class: [0x10, 0, 0] }
    }

    fn features(&self) -> u64 {
        0
    }

    fn queue_sizes(&self) -> &[u16] {
        &[64]
    }

    fn read_config(&self, offset: u64, data: &mut [u8]) {
        copy_config(&[], offset, data);
    }

    fn notified(&mut self, queue: usize, queues: &mut Queues) -> Result<(), GuestFault> {
        queues.serve(queue, |chain| {
            let mut bytes = [0; MOST];
            let wanted = chain.writable_len().min(MOST);
            let Some(bytes) = bytes.get_mut(..wanted) else { return Ok(0) };
            // Nothing is written where the host gives nothing: the driver asks again.
            if getrandom::fill(bytes).is_err() {
                return Ok(0);
            }
            chain.write(0, bytes)?;
            Ok(wanted as u32)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::interrupt::Cause;
    use super::super::testing::Driver;
    use super::*;

    #[test]
    fn every_byte_that_is_asked_for_is_random() {
        let mut driver = Driver::start(Rng);
        let used = driver.request(0, &[], &[20, 44]);
        assert_eq!((used.written, used.bytes.len()), (64, 64));
        let zeros = used.bytes.iter().filter(|byte| **byte == 0).count();
        assert!(zeros < 32, "{:?}", used.bytes);
        assert_ne!(driver.request(0, &[], &[64]).bytes, used.bytes);
        assert_eq!(driver.interrupts(), [Cause::Queue(0); 2]);
    }

    #[test]
    fn a_request_gets_no_more_than_its_share() {
        let mut driver = Driver::start(Rng);
        let used = driver.request(0, &[], &[MOST + 1]);
        assert_eq!(used.written as usize, MOST);
        assert_eq!(driver.request(0, &[b"what?"], &[]).written, 0);
        assert!(!driver.needs_reset());
    }
}
