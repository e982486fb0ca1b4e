//! The registers of a bulk call, grouped by the ioctl that they cross in.

use std::ops::ControlFlow;

use super::vcpu::Vcpu;
use super::{carriers, ioctl, msrs};
use crate::bulk::{Report, Slot};
use crate::error::{ErrorKind, Operation};
use crate::register::{Arch, Place};
use crate::registers::Registers;
use crate::table::Carrier;

/// Registers that cross together, as positions in the plan.
pub(super) enum Group {
    /// A register by itself.
    Single(usize),
    /// Registers in one struct.
    Struct(&'static Carrier, Vec<usize>),
    /// Model-specific registers with their numbers.
    Msrs(Vec<usize>, Vec<u32>),
}

/// Groups the registers of a plan, in the order in which the first of each group comes.
pub(super) fn of(slots: &[Slot]) -> Vec<Group> {
    let mut groups = Vec::new();
    for (position, slot) in slots.iter().enumerate() {
        match slot.place() {
            Place::Via { carrier, .. } => add_to_struct(&mut groups, carrier, position),
            Place::OneReg(id) => match msrs::index(id) {
                Some(index) => add_to_msrs(&mut groups, position, index),
                None => groups.push(Group::Single(position)),
            },
            _ => groups.push(Group::Single(position)),
        }
    }
    groups
}

fn add_to_struct(groups: &mut Vec<Group>, carrier: &'static Carrier, position: usize) {
    let present = groups.iter_mut().find_map(|group| match group {
        Group::Struct(known, positions) if *known == carrier => Some(positions),
        _ => None,
    });
    match present {
        Some(positions) => positions.push(position),
        None => groups.push(Group::Struct(carrier, vec![position])),
    }
}

fn add_to_msrs(groups: &mut Vec<Group>, position: usize, index: u32) {
    let present = groups.iter_mut().find_map(|group| match group {
        Group::Msrs(positions, indices) => Some((positions, indices)),
        _ => None,
    });
    match present {
        Some((positions, indices)) => {
            positions.push(position);
            indices.push(index);
        }
        None => groups.push(Group::Msrs(vec![position], vec![index])),
    }
}

impl Group {
    /// Reads the group's registers.
    pub(super) fn read<A: Arch>(
        &self,
        vcpu: &Vcpu<'_, A>,
        slots: &[Slot],
        buffer: &mut [u8],
        report: &mut Report,
    ) -> ControlFlow<()> {
        let error =
            |position: usize, kind| vcpu.error(Operation::Get, slots[position].place(), kind);
        match self {
            Group::Single(position) => {
                let slot = &slots[*position];
                report.record(*position, vcpu.read_bytes(slot.place(), slot.bytes_mut(buffer)))
            }
            Group::Struct(carrier, positions) => {
                let bytes = vcpu.fd_of(carrier).and_then(|fd| ioctl::get_struct(fd, carrier));
                record_all(positions, report, |position| {
                    let slot = &slots[position];
                    let bytes = bytes.as_deref().map_err(|kind| error(position, *kind))?;
                    carriers::take(bytes, slot.place(), slot.bytes_mut(buffer))
                        .map_err(|kind| error(position, kind))
                })
            }
            Group::Msrs(positions, indices) => msrs::read(vcpu.fd(), indices, |nth, result| {
                let position = positions[nth];
                let value = slots[position].bytes_mut(buffer);
                let result = result.map(|bits| msrs::store(bits, value));
                report.record(position, result.map_err(|kind| error(position, kind)))
            }),
        }
    }

    /// Writes the group's registers.
    pub(super) fn write<A: Arch>(
        &self,
        vcpu: &Vcpu<'_, A>,
        slots: &[Slot],
        buffer: &[u8],
        report: &mut Report,
    ) -> ControlFlow<()> {
        let error = |position: usize, kind| {
            let slot = &slots[position];
            vcpu.error(Operation::Set, slot.place(), kind).with_value(slot.bytes(buffer))
        };
        match self {
            Group::Single(position) => {
                let slot = &slots[*position];
                report.record(*position, vcpu.write_bytes(slot.place(), slot.bytes(buffer)))
            }
            Group::Struct(carrier, positions) => {
                let changed = positions.iter().map(|position| &slots[*position]);
                let result = write_struct(vcpu, carrier, changed, buffer);
                record_all(positions, report, |position| {
                    result.map_err(|kind| error(position, kind))
                })
            }
            Group::Msrs(positions, indices) => {
                let values =
                    positions.iter().map(|position| msrs::load(slots[*position].bytes(buffer)));
                let values: Vec<(u32, u64)> = indices.iter().copied().zip(values).collect();
                msrs::write(vcpu.fd(), &values, |nth, result| {
                    report
                        .record(positions[nth], result.map_err(|kind| error(positions[nth], kind)))
                })
            }
        }
    }
}

fn write_struct<'a, A: Arch>(
    vcpu: &Vcpu<'_, A>,
    carrier: &Carrier,
    changed: impl Iterator<Item = &'a Slot>,
    buffer: &[u8],
) -> Result<(), ErrorKind> {
    let fd = vcpu.fd_of(carrier)?;
    let mut bytes = ioctl::get_struct(fd, carrier)?;
    for slot in changed {
        carriers::put(&mut bytes, slot.place(), slot.bytes(buffer))?;
    }
    ioctl::set_struct(fd, carrier, &bytes)
}

/// Records registers that crossed together: all of them, also when the report says to stop.
fn record_all(
    positions: &[usize],
    report: &mut Report,
    mut result: impl FnMut(usize) -> Result<(), crate::Error>,
) -> ControlFlow<()> {
    let mut flow = ControlFlow::Continue(());
    for position in positions {
        flow = report.record(*position, result(*position));
    }
    flow
}
