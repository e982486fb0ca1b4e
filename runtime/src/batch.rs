//! Sets of typed registers that are read and written in one call.

use std::convert::Infallible;

use crate::error::{Error, ErrorKind, Operation};
use crate::plan::Plan;
use crate::register::{Arch, Place, Readable, Reg, Writable};
use crate::registers::Host;
use crate::value::Value;

/// A set of registers: one, an array or slice of sets, a tuple of up to twelve sets.
pub trait Batch<A: Arch> {
    /// Their values, in the same arrangement.
    type Values;

    /// Adds where the registers live to `places`.
    ///
    /// # Errors
    ///
    /// Returns the register whose value type is not as wide as it is on `host`.
    fn places(&self, host: Host, places: &mut Vec<Place>) -> Result<(), Error>;
}

/// A set of registers that can be read.
pub trait ReadBatch<A: Arch>: Batch<A> {
    /// Takes the values from the front of `bytes`.
    fn decode(&self, host: Host, bytes: &mut &[u8]) -> Self::Values;
}

/// A set of registers that can be written.
pub trait WriteBatch<A: Arch>: Batch<A> {
    /// Appends `values` to `bytes`.
    fn encode(&self, host: Host, values: Self::Values, bytes: &mut Vec<u8>);
}

/// Lays out a set of registers.
pub(crate) fn plan<A: Arch>(batch: &impl Batch<A>, host: Host) -> Result<Plan, Error> {
    let mut places = Vec::new();
    batch.places(host, &mut places)?;
    Ok(Plan::new(host, places))
}

impl<A: Arch, V: Value, K> Batch<A> for Reg<A, V, K> {
    type Values = V;

    fn places(&self, host: Host, places: &mut Vec<Place>) -> Result<(), Error> {
        let place = self.place();
        let given = V::WIDTH.bytes(host);
        if given != place.size(host) {
            return Err(Error::new::<A>(Operation::Get, place, host, ErrorKind::Size { given }));
        }
        places.push(place);
        Ok(())
    }
}

impl<A: Arch, V: Value, K: Readable> ReadBatch<A> for Reg<A, V, K> {
    fn decode(&self, host: Host, bytes: &mut &[u8]) -> V {
        let (value, rest) = bytes.split_at_checked(self.place().size(host)).unwrap_or((bytes, &[]));
        *bytes = rest;
        let Ok(value) = V::read(value.len(), |buffer| {
            buffer.iter_mut().zip(value).for_each(|(to, from)| *to = *from);
            Ok::<(), Infallible>(())
        });
        value
    }
}

impl<A: Arch, V: Value, K: Writable> WriteBatch<A> for Reg<A, V, K> {
    fn encode(&self, host: Host, value: V, bytes: &mut Vec<u8>) {
        let size = self.place().size(host);
        let end = bytes.len() + size;
        value.write(size, |value| bytes.extend_from_slice(value));
        bytes.resize(end, 0);
    }
}

impl<A: Arch, B: Batch<A>, const N: usize> Batch<A> for [B; N] {
    type Values = [B::Values; N];

    fn places(&self, host: Host, places: &mut Vec<Place>) -> Result<(), Error> {
        self.iter().try_for_each(|set| set.places(host, places))
    }
}

impl<A: Arch, B: ReadBatch<A>, const N: usize> ReadBatch<A> for [B; N] {
    fn decode(&self, host: Host, bytes: &mut &[u8]) -> Self::Values {
        self.each_ref().map(|set| set.decode(host, bytes))
    }
}

impl<A: Arch, B: WriteBatch<A>, const N: usize> WriteBatch<A> for [B; N] {
    fn encode(&self, host: Host, values: Self::Values, bytes: &mut Vec<u8>) {
        self.iter().zip(values).for_each(|(set, values)| set.encode(host, values, bytes));
    }
}

impl<A: Arch, B: Batch<A>> Batch<A> for &[B] {
    type Values = Vec<B::Values>;

    fn places(&self, host: Host, places: &mut Vec<Place>) -> Result<(), Error> {
        self.iter().try_for_each(|set| set.places(host, places))
    }
}

impl<A: Arch, B: ReadBatch<A>> ReadBatch<A> for &[B] {
    fn decode(&self, host: Host, bytes: &mut &[u8]) -> Self::Values {
        self.iter().map(|set| set.decode(host, bytes)).collect()
    }
}

macro_rules! tuples {
    ($(($($set:ident $value:ident)+))+) => {$(
        impl<A: Arch, $($set: Batch<A>),+> Batch<A> for ($($set,)+) {
            type Values = ($($set::Values,)+);

            #[expect(non_snake_case, reason = "one name is the type and the variable")]
            fn places(&self, host: Host, places: &mut Vec<Place>) -> Result<(), Error> {
                let ($($set,)+) = self;
                $($set.places(host, places)?;)+
                Ok(())
            }
        }

        impl<A: Arch, $($set: ReadBatch<A>),+> ReadBatch<A> for ($($set,)+) {
            #[expect(non_snake_case, reason = "one name is the type and the variable")]
            fn decode(&self, host: Host, bytes: &mut &[u8]) -> Self::Values {
                let ($($set,)+) = self;
                ($($set.decode(host, bytes),)+)
            }
        }

        impl<A: Arch, $($set: WriteBatch<A>),+> WriteBatch<A> for ($($set,)+) {
            #[expect(non_snake_case, reason = "one name is the type and the variable")]
            fn encode(&self, host: Host, values: Self::Values, bytes: &mut Vec<u8>) {
                let ($($set,)+) = self;
                let ($($value,)+) = values;
                $($set.encode(host, $value, bytes);)+
            }
        }
    )+};
}

tuples! {
    (B0 v0)
    (B0 v0 B1 v1)
    (B0 v0 B1 v1 B2 v2)
    (B0 v0 B1 v1 B2 v2 B3 v3)
    (B0 v0 B1 v1 B2 v2 B3 v3 B4 v4)
    (B0 v0 B1 v1 B2 v2 B3 v3 B4 v4 B5 v5)
    (B0 v0 B1 v1 B2 v2 B3 v3 B4 v4 B5 v5 B6 v6)
    (B0 v0 B1 v1 B2 v2 B3 v3 B4 v4 B5 v5 B6 v6 B7 v7)
    (B0 v0 B1 v1 B2 v2 B3 v3 B4 v4 B5 v5 B6 v6 B7 v7 B8 v8)
    (B0 v0 B1 v1 B2 v2 B3 v3 B4 v4 B5 v5 B6 v6 B7 v7 B8 v8 B9 v9)
    (B0 v0 B1 v1 B2 v2 B3 v3 B4 v4 B5 v5 B6 v6 B7 v7 B8 v8 B9 v9 B10 v10)
    (B0 v0 B1 v1 B2 v2 B3 v3 B4 v4 B5 v5 B6 v6 B7 v7 B8 v8 B9 v9 B10 v10 B11 v11)
}
