//! Structs whose fields are the values of registers.

use crate::bulk::{BulkError, OnFailure};
use crate::register::Arch;
use crate::registers::Registers;

/// A struct of register values that is read as one set.
///
/// The derive of the same name (feature `macros`) implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no set of registers of `{A}`",
    label = "cannot be read from registers",
    note = "put `#[derive(onereg::RegisterSet)]` and `#[registers(MODULE)]` on it"
)]
pub trait RegisterSet<A: Arch>: Sized {
    /// Reads the register of every field, with the fewest accesses.
    ///
    /// # Errors
    ///
    /// Returns which register could not be read and why.
    fn read<T: Registers<A> + ?Sized>(target: &T) -> Result<Self, BulkError>;
}

/// A struct of register values that is also written as one set.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no set of registers of `{A}` that can be written",
    label = "cannot be written to registers",
    note = "`#[registers(MODULE, read_only)]` makes a set that is only read"
)]
pub trait WritableSet<A: Arch>: RegisterSet<A> {
    /// Writes the register of every field, in the order of the fields and with the fewest accesses, or does what
    /// `on_failure` says.
    ///
    /// # Errors
    ///
    /// As [`Registers::set_many_or`].
    fn write_or<T: Registers<A> + ?Sized>(
        &self,
        target: &T,
        on_failure: OnFailure,
    ) -> Result<(), BulkError>;

    /// Writes the register of every field, in the order of the fields and with the fewest accesses, up to the first
    /// failure.
    ///
    /// # Errors
    ///
    /// Returns which register could not be written and why, and which were written before.
    fn write<T: Registers<A> + ?Sized>(&self, target: &T) -> Result<(), BulkError> {
        self.write_or(target, OnFailure::Stop)
    }
}

/// What derived code calls.
pub mod support {
    use crate::batch::{ReadBatch, WriteBatch};
    use crate::register::Arch;

    /// Checks that a register can be read.
    pub fn readable<A: Arch, B: ReadBatch<A>>(batch: B) -> impl ReadBatch<A, Values = B::Values> {
        batch
    }

    /// Checks that a register can be written.
    pub fn writable<A: Arch, B: WriteBatch<A>>(batch: B) -> impl WriteBatch<A, Values = B::Values> {
        batch
    }
}
