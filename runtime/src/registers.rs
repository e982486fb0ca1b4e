//! Something whose registers can be read and written.

#[cfg(feature = "kvm")]
use core::ops::ControlFlow;

#[cfg(feature = "kvm")]
use crate::batch::{self, ReadBatch, WriteBatch};
#[cfg(feature = "kvm")]
use crate::bulk::{self, BulkError, OnFailure, Report};
use crate::error::Error;
#[cfg(feature = "kvm")]
use crate::error::{ErrorKind, Operation};
#[cfg(feature = "kvm")]
use crate::plan::Plan;
use crate::register::{Arch, Place, Readable, Reg, Writable};
#[cfg(feature = "kvm")]
use crate::table::Carrier;
use crate::value::Value;

/// What symbolic widths depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Host {
    pub(crate) xlen: u8,
    pub(crate) vlenb: u16,
}

impl Host {
    /// A 64-bit host without vector registers.
    pub const LP64: Host = Host { xlen: 8, vlenb: 1 };

    /// Describes a host by its XLEN (32 or 64) and the bytes of a vector register (a power of two up to 8192; 0 for
    /// none); `None` for anything else.
    pub const fn new(xlen: u32, vlenb: usize) -> Option<Host> {
        let xlen = match xlen {
            32 => 4,
            64 => 8,
            _ => return None,
        };
        match vlenb {
            0 => Some(Host { xlen, vlenb: 1 }),
            1..=8192 if vlenb.is_power_of_two() => Some(Host { xlen, vlenb: vlenb as u16 }),
            _ => None,
        }
    }

    /// Returns the size of an `unsigned long` in bytes.
    #[inline]
    pub const fn xlen_bytes(self) -> usize {
        self.xlen as usize
    }

    /// Returns the size of a vector register in bytes.
    #[inline]
    pub const fn vlenb(self) -> usize {
        self.vlenb as usize
    }
}

/// Reads and writes the registers of one vCPU, of a memory image, of a device.
///
/// Implementations give the two untyped methods, and [`host`](Registers::host) where widths are symbolic; those that do
/// better than one access after the other also the two of bulk calls. Everyone else calls the typed ones.
///
/// ```
/// use onereg::arm64::SCTLR_EL1;
/// use onereg::{Arm64, Host, Memory, Registers};
///
/// let vcpu = Memory::<Arm64>::new(Host::LP64);
/// vcpu.update(SCTLR_EL1, |sctlr| sctlr.with_m(true))?;
/// assert!(vcpu.get(SCTLR_EL1)?.m());
/// # Ok::<(), onereg::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not hold registers of `{A}`",
    label = "holds no registers of `{A}`"
)]
pub trait Registers<A: Arch> {
    /// Reads the register at `place` into `buffer`, whose length is the register's size.
    ///
    /// # Errors
    ///
    /// Returns which register failed and why.
    fn read_bytes(&self, place: Place, buffer: &mut [u8]) -> Result<(), Error>;

    /// Writes `bytes`, whose length is the register's size, to the register at `place`.
    ///
    /// # Errors
    ///
    /// Returns which register failed and why.
    fn write_bytes(&self, place: Place, bytes: &[u8]) -> Result<(), Error>;

    /// Returns what symbolic widths depend on.
    #[inline]
    fn host(&self) -> Host {
        Host::LP64
    }

    /// Reads a register.
    ///
    /// # Errors
    ///
    /// Returns the register by name and id, and why it could not be read.
    #[inline]
    fn get<V: Value, K: Readable>(&self, register: Reg<A, V, K>) -> Result<V, Error> {
        let place = register.place();
        V::read(place.size(self.host()), |buffer| self.read_bytes(place, buffer))
    }

    /// Writes a register.
    ///
    /// # Errors
    ///
    /// Returns the register by name and id, and why it could not be written.
    #[inline]
    fn set<V: Value, K: Writable>(&self, register: Reg<A, V, K>, value: V) -> Result<(), Error> {
        let place = register.place();
        value.write(place.size(self.host()), |bytes| self.write_bytes(place, bytes))
    }

    /// Reads a register, changes its value, and writes it back.
    ///
    /// # Errors
    ///
    /// Returns the register by name and id, and why it could not be read or written.
    #[inline]
    fn update<V: Value, K: Readable + Writable>(
        &self,
        register: Reg<A, V, K>,
        change: impl FnOnce(V) -> V,
    ) -> Result<(), Error> {
        let value = self.get(register)?;
        self.set(register, change(value))
    }

    /// Reads the registers of `plan` into `buffer` and records what became of each; one after the other, unless an
    /// implementation knows better.
    #[cfg(feature = "kvm")]
    fn read_many_bytes(
        &self,
        plan: &Plan,
        buffer: &mut [u8],
        report: &mut Report,
    ) -> ControlFlow<()> {
        plan.slots().iter().enumerate().try_for_each(|(position, slot)| {
            report.record(position, self.read_bytes(slot.place(), slot.bytes_mut(buffer)))
        })
    }

    /// Writes the registers of `plan` from `buffer` and records what became of each; one after the other, unless an
    /// implementation knows better.
    #[cfg(feature = "kvm")]
    fn write_many_bytes(&self, plan: &Plan, buffer: &[u8], report: &mut Report) -> ControlFlow<()> {
        plan.slots().iter().enumerate().try_for_each(|(position, slot)| {
            report.record(position, self.write_bytes(slot.place(), slot.bytes(buffer)))
        })
    }

    /// Reads the struct of `carrier` as a whole into `bytes`, which takes the size that the struct has here.
    ///
    /// # Errors
    ///
    /// Returns why not: the target has no such block, unless an implementation says otherwise.
    #[cfg(feature = "kvm")]
    fn read_block(&self, carrier: &'static Carrier, bytes: &mut Vec<u8>) -> Result<(), Error> {
        bytes.clear();
        Err(Error::of_block::<A>(Operation::Get, carrier, self.host(), ErrorKind::Absent))
    }

    /// Writes the struct of `carrier` as a whole, as it was read.
    ///
    /// # Errors
    ///
    /// As [`Registers::read_block`].
    #[cfg(feature = "kvm")]
    fn write_block(&self, carrier: &'static Carrier, bytes: &[u8]) -> Result<(), Error> {
        let _ = bytes;
        Err(Error::of_block::<A>(Operation::Set, carrier, self.host(), ErrorKind::Absent))
    }

    /// Reads a tuple, an array or a slice of registers with the fewest accesses, up to the first failure.
    ///
    /// # Errors
    ///
    /// Returns which register could not be read and why.
    #[cfg(feature = "kvm")]
    fn get_many<B: ReadBatch<A>>(&self, batch: B) -> Result<B::Values, BulkError> {
        let host = self.host();
        let plan = batch::plan(&batch, host)?;
        let mut buffer = vec![0; plan.size()];
        bulk::read(self, &plan, &mut buffer, OnFailure::Stop)?;
        Ok(batch.decode(host, &mut buffer.as_slice()))
    }

    /// Writes a tuple or an array of registers with the fewest accesses, up to the first failure.
    ///
    /// # Errors
    ///
    /// Returns which register could not be written and why, and which were written before.
    #[cfg(feature = "kvm")]
    fn set_many<B: WriteBatch<A>>(&self, batch: B, values: B::Values) -> Result<(), BulkError> {
        self.set_many_or(batch, values, OnFailure::Stop)
    }

    /// Writes a tuple or an array of registers with the fewest accesses, or does what `on_failure` says.
    ///
    /// # Errors
    ///
    /// Returns which registers could not be written and why, and which were written; of [`OnFailure::RollBack`] also
    /// which registers it refuses.
    #[cfg(feature = "kvm")]
    fn set_many_or<B: WriteBatch<A>>(
        &self,
        batch: B,
        values: B::Values,
        on_failure: OnFailure,
    ) -> Result<(), BulkError> {
        let host = self.host();
        let plan = batch::plan(&batch, host)?;
        let mut buffer = Vec::with_capacity(plan.size());
        batch.encode(host, values, &mut buffer);
        bulk::write(self, &plan, &buffer, on_failure)
    }

    /// Reads the registers of a plan into `buffer`, which has [`Plan::size`] bytes; [`OnFailure::RollBack`] is
    /// [`OnFailure::Stop`] here.
    ///
    /// # Errors
    ///
    /// Returns which registers could not be read and why; the others are in `buffer`.
    #[cfg(feature = "kvm")]
    fn read_plan(
        &self,
        plan: &Plan,
        buffer: &mut [u8],
        on_failure: OnFailure,
    ) -> Result<(), BulkError> {
        bulk::read(self, plan, buffer, on_failure)
    }

    /// Writes the registers of a plan from `buffer`, which has [`Plan::size`] bytes.
    ///
    /// # Errors
    ///
    /// As [`Registers::set_many_or`].
    #[cfg(feature = "kvm")]
    fn write_plan(
        &self,
        plan: &Plan,
        buffer: &[u8],
        on_failure: OnFailure,
    ) -> Result<(), BulkError> {
        bulk::write(self, plan, buffer, on_failure)
    }
}

impl<A: Arch, R: Registers<A> + ?Sized> Registers<A> for &R {
    #[inline]
    fn read_bytes(&self, place: Place, buffer: &mut [u8]) -> Result<(), Error> {
        (**self).read_bytes(place, buffer)
    }

    #[inline]
    fn write_bytes(&self, place: Place, bytes: &[u8]) -> Result<(), Error> {
        (**self).write_bytes(place, bytes)
    }

    #[inline]
    fn host(&self) -> Host {
        (**self).host()
    }

    #[cfg(feature = "kvm")]
    fn read_many_bytes(
        &self,
        plan: &Plan,
        buffer: &mut [u8],
        report: &mut Report,
    ) -> ControlFlow<()> {
        (**self).read_many_bytes(plan, buffer, report)
    }

    #[cfg(feature = "kvm")]
    fn write_many_bytes(&self, plan: &Plan, buffer: &[u8], report: &mut Report) -> ControlFlow<()> {
        (**self).write_many_bytes(plan, buffer, report)
    }

    #[cfg(feature = "kvm")]
    fn read_block(&self, carrier: &'static Carrier, bytes: &mut Vec<u8>) -> Result<(), Error> {
        (**self).read_block(carrier, bytes)
    }

    #[cfg(feature = "kvm")]
    fn write_block(&self, carrier: &'static Carrier, bytes: &[u8]) -> Result<(), Error> {
        (**self).write_block(carrier, bytes)
    }
}
