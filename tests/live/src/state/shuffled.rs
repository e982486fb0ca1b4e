//! A vCPU that is written in another order.

use std::cell::RefCell;
use std::ops::ControlFlow;

use onereg::{Carrier, Error, Place, Plan, Registers, Report};

use crate::arch::Host;
use crate::random::Random;

/// Passes everything on, the registers of a bulk write in another order than it was told.
pub(super) struct Shuffled<'a, R> {
    inner: &'a R,
    random: RefCell<Random>,
}

impl<'a, R> Shuffled<'a, R> {
    /// Shuffles by a seed.
    pub(super) fn new(inner: &'a R, seed: u64) -> Self {
        Shuffled { inner, random: RefCell::new(Random::new(seed)) }
    }
}

impl<R: Registers<Host>> Registers<Host> for Shuffled<'_, R> {
    fn read_bytes(&self, place: Place, buffer: &mut [u8]) -> Result<(), Error> {
        self.inner.read_bytes(place, buffer)
    }

    fn write_bytes(&self, place: Place, bytes: &[u8]) -> Result<(), Error> {
        self.inner.write_bytes(place, bytes)
    }

    fn host(&self) -> onereg::Host {
        self.inner.host()
    }

    fn read_many_bytes(
        &self,
        plan: &Plan,
        buffer: &mut [u8],
        report: &mut Report,
    ) -> ControlFlow<()> {
        self.inner.read_many_bytes(plan, buffer, report)
    }

    /// Failures have the positions of the other order; their errors name the registers.
    fn write_many_bytes(&self, plan: &Plan, buffer: &[u8], report: &mut Report) -> ControlFlow<()> {
        let mut slots = plan.slots().to_vec();
        self.random.borrow_mut().shuffle(&mut slots);
        self.inner.write_many_bytes(&slots.into_iter().collect(), buffer, report)
    }

    fn read_block(&self, carrier: &'static Carrier, bytes: &mut Vec<u8>) -> Result<(), Error> {
        self.inner.read_block(carrier, bytes)
    }

    fn write_block(&self, carrier: &'static Carrier, bytes: &[u8]) -> Result<(), Error> {
        self.inner.write_block(carrier, bytes)
    }
}
