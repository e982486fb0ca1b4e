//! Registers in memory, of any architecture on any host, and a target that fails on demand.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::marker::PhantomData;

use crate::error::{Error, ErrorKind, Operation};
use crate::register::{Arch, Place};
use crate::registers::{Host, Registers};
use crate::table::Carrier;

/// Registers in memory: for tests, snapshots and the registers of other machines.
///
/// They hold what was written last, zero before, whatever their access; blocks are absent before the first write.
///
/// ```
/// use onereg::arm64::{Arm64Registers, PC};
/// use onereg::{Arm64, Host, Memory, Registers};
///
/// let vcpu = Memory::<Arm64>::new(Host::LP64);
/// vcpu.set(PC, 0x8000_0000)?;
/// assert_eq!(vcpu.pc()?, 0x8000_0000);
/// # Ok::<(), onereg::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Memory<A> {
    host: Host,
    values: RefCell<HashMap<Place, Box<[u8]>>>,
    blocks: RefCell<HashMap<&'static str, Vec<u8>>>,
    arch: PhantomData<fn() -> A>,
}

impl<A: Arch> Memory<A> {
    /// Holds every register of the architecture's table.
    pub fn new(host: Host) -> Self {
        Self::holding(host, A::TABLE.registers.iter().map(|info| info.place))
    }

    /// Holds the registers at `places`.
    pub fn holding(host: Host, places: impl IntoIterator<Item = Place>) -> Self {
        let zero = |place: Place| (place, vec![0; place.size(host)].into());
        let values = places.into_iter().map(zero).collect();
        let blocks = RefCell::default();
        Memory { host, values: RefCell::new(values), blocks, arch: PhantomData }
    }

    fn with_value(
        &self,
        operation: Operation,
        place: Place,
        given: usize,
        access: impl FnOnce(&mut [u8]),
    ) -> Result<(), Error> {
        let kind = match self.values.borrow_mut().get_mut(&place) {
            Some(value) if value.len() == given => {
                access(value);
                return Ok(());
            }
            Some(_) => ErrorKind::Size { given },
            None => ErrorKind::Absent,
        };
        Err(Error::new::<A>(operation, place, self.host, kind))
    }
}

impl<A: Arch> Registers<A> for Memory<A> {
    fn read_bytes(&self, place: Place, buffer: &mut [u8]) -> Result<(), Error> {
        self.with_value(Operation::Get, place, buffer.len(), |value| buffer.copy_from_slice(value))
    }

    fn write_bytes(&self, place: Place, bytes: &[u8]) -> Result<(), Error> {
        self.with_value(Operation::Set, place, bytes.len(), |value| value.copy_from_slice(bytes))
    }

    fn host(&self) -> Host {
        self.host
    }

    fn read_block(&self, carrier: &'static Carrier, bytes: &mut Vec<u8>) -> Result<(), Error> {
        let absent = || Error::of_block::<A>(Operation::Get, carrier, self.host, ErrorKind::Absent);
        let blocks = self.blocks.borrow();
        bytes.clone_from(blocks.get(carrier.name).ok_or_else(absent)?);
        Ok(())
    }

    fn write_block(&self, carrier: &'static Carrier, bytes: &[u8]) -> Result<(), Error> {
        self.blocks.borrow_mut().insert(carrier.name, bytes.to_vec());
        Ok(())
    }
}

/// A target whose accesses fail where a test wants them to.
#[derive(Debug)]
pub struct Faulty<R> {
    inner: R,
    at_place: Vec<(Operation, Place, i32)>,
    at_access: Option<(u64, i32)>,
    accesses: Cell<u64>,
}

impl<R> Faulty<R> {
    /// Wraps `inner`; nothing fails yet.
    pub fn new(inner: R) -> Self {
        Faulty { inner, at_place: Vec::new(), at_access: None, accesses: Cell::new(0) }
    }

    /// Fails reading or writing the register at `place`, always, with `errno`.
    pub fn failing_at(mut self, operation: Operation, place: Place, errno: i32) -> Self {
        self.at_place.push((operation, place, errno));
        self
    }

    /// Fails the access with this number, counted from 0, with `errno`.
    pub fn failing_access(mut self, number: u64, errno: i32) -> Self {
        self.at_access = Some((number, errno));
        self
    }

    /// Returns the wrapped target.
    pub fn inner(&self) -> &R {
        &self.inner
    }

    /// Returns how many accesses there were, failed ones included.
    pub fn accesses(&self) -> u64 {
        self.accesses.get()
    }

    fn check<A: Arch>(&self, operation: Operation, place: Place, host: Host) -> Result<(), Error> {
        let number = self.accesses.replace(self.accesses.get() + 1);
        let here = self
            .at_place
            .iter()
            .find(|fault| (fault.0, fault.1) == (operation, place))
            .map(|fault| fault.2);
        let now = self.at_access.filter(|fault| fault.0 == number).map(|fault| fault.1);
        match here.or(now) {
            Some(errno) => Err(Error::new::<A>(operation, place, host, ErrorKind::Errno(errno))),
            None => Ok(()),
        }
    }
}

impl<A: Arch, R: Registers<A>> Registers<A> for Faulty<R> {
    fn read_bytes(&self, place: Place, buffer: &mut [u8]) -> Result<(), Error> {
        self.check::<A>(Operation::Get, place, self.host())?;
        self.inner.read_bytes(place, buffer)
    }

    fn write_bytes(&self, place: Place, bytes: &[u8]) -> Result<(), Error> {
        self.check::<A>(Operation::Set, place, self.host())
            .map_err(|error| error.with_value(bytes))?;
        self.inner.write_bytes(place, bytes)
    }

    fn host(&self) -> Host {
        self.inner.host()
    }

    fn read_block(&self, carrier: &'static Carrier, bytes: &mut Vec<u8>) -> Result<(), Error> {
        self.check::<A>(Operation::Get, block(carrier), self.host())?;
        self.inner.read_block(carrier, bytes)
    }

    fn write_block(&self, carrier: &'static Carrier, bytes: &[u8]) -> Result<(), Error> {
        self.check::<A>(Operation::Set, block(carrier), self.host())?;
        self.inner.write_block(carrier, bytes)
    }
}

/// Returns the place that stands for a struct as a whole.
fn block(carrier: &'static Carrier) -> Place {
    Place::Via { carrier, offset: 0, size: 0 }
}
