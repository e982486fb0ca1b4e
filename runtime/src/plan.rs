//! Which registers one call reads or writes, where their values are, and which of them cross together.

use std::ops::Range;
use std::ptr;

use crate::msr;
use crate::register::Place;
use crate::registers::Host;
use crate::table::Carrier;

/// Registers to read or write in one call, where their values are in its buffer, and in which ioctls they cross.
///
/// A plan that is made once and used again costs nothing but those ioctls: reading it allocates nothing.
#[derive(Debug, Clone)]
pub struct Plan {
    slots: Vec<Slot>,
    groups: Vec<Group>,
    size: usize,
}

/// A register of a [`Plan`].
#[derive(Debug, Clone)]
pub struct Slot {
    place: Place,
    range: Range<usize>,
}

/// Registers of a plan that cross one after the other, or together, as positions in it.
#[derive(Debug, Clone)]
pub(crate) enum Group {
    /// Each by itself.
    Alone(Range<usize>),
    /// In one struct.
    Struct(&'static Carrier, Vec<usize>),
    /// Model-specific registers, in one call.
    Msrs(Vec<usize>),
}

impl Plan {
    /// Lays out the registers at `places`, their values one after the other, for a target whose symbolic widths are those
    /// of `host`.
    pub fn new(host: Host, places: impl IntoIterator<Item = Place>) -> Plan {
        let mut size = 0;
        let slot = |place: Place| {
            let start = size;
            size += place.size(host);
            Slot { place, range: start..size }
        };
        places.into_iter().map(slot).collect()
    }

    /// Returns the registers.
    #[inline]
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Returns the size in bytes of a buffer that has room for all values.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Returns the registers by how they cross.
    pub(crate) fn groups(&self) -> &[Group] {
        &self.groups
    }
}

impl FromIterator<Slot> for Plan {
    /// Plans these registers, whose values stay where they are: those of another plan share its buffer.
    fn from_iter<T: IntoIterator<Item = Slot>>(slots: T) -> Plan {
        let slots: Vec<Slot> = slots.into_iter().collect();
        let size = slots.iter().map(|slot| slot.range.end).max().unwrap_or(0);
        Plan { groups: groups(&slots), slots, size }
    }
}

impl Slot {
    /// Describes a register whose value is at `range` of a buffer.
    pub(crate) fn new(place: Place, range: Range<usize>) -> Slot {
        Slot { place, range }
    }

    /// Returns where the register lives.
    #[inline]
    pub fn place(&self) -> Place {
        self.place
    }

    /// Returns where its value is in the buffer.
    pub(crate) fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// Returns the value's bytes within the plan's buffer; nothing of a buffer that is too short for them.
    #[inline]
    pub fn bytes<'a>(&self, buffer: &'a [u8]) -> &'a [u8] {
        buffer.get(self.range.clone()).unwrap_or_default()
    }

    /// Likewise, to write them.
    #[inline]
    pub fn bytes_mut<'a>(&self, buffer: &'a mut [u8]) -> &'a mut [u8] {
        buffer.get_mut(self.range.clone()).unwrap_or_default()
    }
}

/// Groups registers, in the order in which the first of each group comes.
fn groups(slots: &[Slot]) -> Vec<Group> {
    let mut groups = Vec::new();
    for (position, slot) in slots.iter().enumerate() {
        match slot.place {
            Place::Via { carrier, .. } => add_to_struct(&mut groups, carrier, position),
            Place::OneReg(id) if msr::index(id).is_some() => add_to_msrs(&mut groups, position),
            _ => add_alone(&mut groups, position),
        }
    }
    groups
}

fn add_alone(groups: &mut Vec<Group>, position: usize) {
    match groups.last_mut() {
        Some(Group::Alone(run)) if run.end == position => run.end += 1,
        _ => groups.push(Group::Alone(position..position + 1)),
    }
}

fn add_to_struct(groups: &mut Vec<Group>, carrier: &'static Carrier, position: usize) {
    let present = groups.iter_mut().find_map(|group| match group {
        Group::Struct(known, positions) if ptr::eq(*known, carrier) => Some(positions),
        _ => None,
    });
    match present {
        Some(positions) => positions.push(position),
        None => groups.push(Group::Struct(carrier, vec![position])),
    }
}

fn add_to_msrs(groups: &mut Vec<Group>, position: usize) {
    let present = groups.iter_mut().find_map(|group| match group {
        Group::Msrs(positions) => Some(positions),
        _ => None,
    });
    match present {
        Some(positions) => positions.push(position),
        None => groups.push(Group::Msrs(vec![position])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arm64::{MP_STATE, PC, X};
    use crate::x86::{CR0, EFER, GUEST_SSP, LSTAR, RAX, RIP};

    /// Positions of each group, as the host of the test would see them cross.
    fn crossings<const N: usize>(places: [Place; N]) -> Vec<Vec<usize>> {
        let plan = Plan::new(Host::LP64, places);
        let positions = |group: &Group| match group {
            Group::Alone(run) => run.clone().collect(),
            Group::Struct(_, positions) | Group::Msrs(positions) => positions.clone(),
        };
        plan.groups().iter().map(positions).collect()
    }

    #[test]
    fn what_crosses_together_does_so_at_the_place_of_the_first() {
        let places =
            [RAX.place(), EFER.place(), CR0.place(), RIP.place(), GUEST_SSP.place(), LSTAR.place()];
        assert_eq!(crossings(places), [vec![0, 3], vec![1, 5], vec![2], vec![4]]);
    }

    #[test]
    fn what_crosses_alone_keeps_its_order() {
        let places = [PC.place(), X[1].place(), MP_STATE.place(), X[0].place()];
        assert_eq!(crossings(places), [vec![0, 1], vec![2], vec![3]]);
    }

    #[test]
    fn a_plan_of_slots_has_its_values_where_the_other_plan_has_them() {
        let plan = Plan::new(Host::LP64, [PC.place(), X[1].place(), X[2].place()]);
        let part: Plan = plan.slots().iter().take(2).rev().cloned().collect();
        assert_eq!((part.size(), plan.size()), (16, 24));
        let buffer: Vec<u8> = (0..24).collect();
        let values: Vec<&[u8]> = part.slots().iter().map(|slot| slot.bytes(&buffer)).collect();
        assert_eq!(values, [&buffer[8..16], &buffer[..8]]);
    }
}
