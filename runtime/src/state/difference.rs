//! What differs between a state and a vCPU, or between two states.

use std::collections::BTreeMap;
use std::fmt;

use super::{Entry, Key, RestoreError, VcpuState};
use crate::bits::FieldValue;
use crate::bulk::OnFailure;
use crate::error::Error;
use crate::plan::Plan;
use crate::register::Arch;
use crate::registers::Registers;
use crate::table::{Class, Digits, Info, WriteRule};

/// A register that differs.
#[derive(Debug, Clone)]
pub struct Difference {
    name: String,
    id: Option<u64>,
    label: String,
    class: Class,
    info: Option<&'static Info>,
    saved: Option<Box<[u8]>>,
    found: Option<Box<[u8]>>,
    error: Option<Error>,
}

/// Bytes of the longest value that is printed.
const LONG: usize = 256;

/// A field that differs.
#[derive(Debug, Clone, Copy)]
pub struct FieldDifference {
    /// In the state.
    pub saved: FieldValue,
    /// In the vCPU, or in the other state.
    pub found: FieldValue,
}

impl Difference {
    /// Describes a register whose values differ.
    pub(super) fn new(entry: &Entry, saved: &[u8], found: &[u8]) -> Self {
        Difference { found: Some(found.into()), ..Difference::gone(entry, saved) }
    }

    /// Describes a register that is only in the state.
    pub(super) fn gone(entry: &Entry, saved: &[u8]) -> Self {
        Difference {
            name: entry.name.clone().into_owned(),
            id: match entry.key {
                Key::Id(id) => Some(id),
                Key::Via { .. } | Key::Block { .. } => None,
            },
            label: entry.label(),
            class: entry.info.map_or(entry.class, |info| info.row.class),
            info: entry.info,
            saved: Some(saved.into()),
            found: None,
            error: None,
        }
    }

    /// Returns the register's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the register's 64-bit id, where it has one.
    pub fn id(&self) -> Option<u64> {
        self.id
    }

    /// Returns the register's class.
    pub fn class(&self) -> Class {
        self.class
    }

    /// Returns the value in the state; `None` where it lacks the register.
    pub fn saved(&self) -> Option<&[u8]> {
        self.saved.as_deref()
    }

    /// Returns the value in the vCPU or the other state; `None` where it lacks the register.
    pub fn found(&self) -> Option<&[u8]> {
        self.found.as_deref()
    }

    /// Whether the register may differ after a restore: it changes by itself, or does so in the fields that differ, or says
    /// what the host has, which may be more than what it was.
    pub fn may_differ(&self) -> bool {
        let says_more = self.info.is_some_and(|info| info.row.write == WriteRule::UpTo);
        let mut fields = self.fields().map(|field| field.saved.field.read_only).peekable();
        self.class == Class::Volatile
            || (self.class == Class::Identity && says_more)
            || (fields.peek().is_some() && fields.all(|read_only| read_only))
    }

    /// Iterates over the fields that differ, most significant first; none where the layout is not described.
    pub fn fields(&self) -> impl Iterator<Item = FieldDifference> {
        let values = self.info.zip(self.saved.as_deref()).zip(self.found.as_deref());
        values.into_iter().flat_map(|((info, saved), found)| {
            let fields = info.fields(saved).zip(info.fields(found));
            fields
                .filter(|(saved, found)| saved.value != found.value)
                .map(|(saved, found)| FieldDifference { saved, found })
        })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)?;
        match (&self.saved, &self.found, &self.error) {
            (.., Some(error)) => return write!(f, ": it can no longer be read: {error}"),
            (Some(saved), None, _) => return write!(f, ": {} -> absent", Digits(saved)),
            (None, Some(found), _) => return write!(f, ": absent -> {}", Digits(found)),
            (Some(saved), Some(found), _) if saved.len() > LONG => {
                let same = saved.iter().zip(found).take_while(|(saved, found)| saved == found);
                let (first, sizes) = (same.count(), (saved.len(), found.len()));
                write!(f, ": {} and {} bytes, from byte {first:#x} on", sizes.0, sizes.1)?;
            }
            (Some(saved), Some(found), _) => {
                write!(f, ": {} -> {}", Digits(saved), Digits(found))?;
            }
            (None, None, _) => {}
        }
        for FieldDifference { saved, found } in self.fields() {
            write!(f, ", {}: {saved} -> {found}", saved.field.name)?;
        }
        Ok(())
    }
}

impl VcpuState {
    /// Reads everything back from `vcpu` and returns what differs, also what may ([`Difference::may_differ`]).
    ///
    /// # Errors
    ///
    /// Returns the error of a state of another architecture.
    pub fn verify<A: Arch>(
        &self,
        vcpu: &(impl Registers<A> + ?Sized),
    ) -> Result<Vec<Difference>, RestoreError> {
        self.check_target::<A>(vcpu)?;
        let reachable: Vec<&Entry> =
            self.entries.iter().rev().filter(|entry| entry.place().is_some()).collect();
        let plan: Plan = reachable.iter().filter_map(|entry| entry.slot()).collect();
        let mut buffer = vec![0; plan.size()];
        let failed = vcpu.read_plan(&plan, &mut buffer, OnFailure::Continue).err();
        let mut failures: Vec<_> = failed.iter().flat_map(|error| error.failures()).collect();
        failures.sort_by_key(|failure| failure.position);
        let mut differences = Vec::new();
        for (position, (entry, slot)) in reachable.iter().zip(plan.slots()).enumerate() {
            let (saved, found) = (self.value(entry), slot.bytes(&buffer));
            match failures.binary_search_by_key(&position, |failure| failure.position) {
                Ok(at) => differences.push(Difference {
                    error: Some(failures[at].error),
                    ..Difference::gone(entry, saved)
                }),
                Err(_) if saved != found => differences.push(Difference::new(entry, saved, found)),
                Err(_) => {}
            }
        }
        differences.reverse();
        differences.extend(self.verify_blocks(vcpu));
        Ok(differences)
    }

    fn verify_blocks<A: Arch>(&self, vcpu: &(impl Registers<A> + ?Sized)) -> Vec<Difference> {
        let mut found = Vec::new();
        let compare = |entry: &Entry| match vcpu.read_block(entry.carrier()?, &mut found) {
            Ok(()) if found == self.value(entry) => None,
            Ok(()) => Some(Difference::new(entry, self.value(entry), &found)),
            Err(error) => Some(Difference {
                error: Some(error),
                ..Difference::gone(entry, self.value(entry))
            }),
        };
        self.entries.iter().filter_map(compare).collect()
    }

    /// Compares two states of one architecture: what differs, and what only one of them has.
    pub fn differences(&self, other: &VcpuState) -> Vec<Difference> {
        let mut others: BTreeMap<&Key, &Entry> =
            other.entries.iter().map(|entry| (&entry.key, entry)).collect();
        let mut differences = Vec::new();
        for entry in &self.entries {
            let saved = self.value(entry);
            match others.remove(&entry.key).map(|known| other.value(known)) {
                Some(found) if found == saved => {}
                Some(found) => differences.push(Difference::new(entry, saved, found)),
                None => differences.push(Difference::gone(entry, saved)),
            }
        }
        for entry in other.entries.iter().filter(|entry| others.contains_key(&entry.key)) {
            let gone = Difference::gone(entry, other.value(entry));
            differences.push(Difference { saved: None, found: gone.saved.clone(), ..gone });
        }
        differences
    }
}
