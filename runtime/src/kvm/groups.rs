//! The registers of a bulk call, group by group of those that cross together.

use std::ops::ControlFlow;

use super::vcpu::Vcpu;
use super::{carriers, ioctl, msrs};
use crate::bulk::Report;
use crate::error::{ErrorKind, Operation};
use crate::msr;
use crate::plan::{Group, Plan, Slot};
use crate::register::{Arch, Place};
use crate::registers::Registers;
use crate::table::Carrier;

/// Reads the registers of a plan.
pub(super) fn read<A: Arch>(
    vcpu: &Vcpu<'_, A>,
    plan: &Plan,
    buffer: &mut [u8],
    report: &mut Report,
) -> ControlFlow<()> {
    let slots = plan.slots();
    let error = |position: usize, kind| vcpu.error(Operation::Get, slots[position].place(), kind);
    plan.groups().iter().try_for_each(|group| match group {
        Group::Alone(run) => run.clone().try_for_each(|position| {
            let slot = &slots[position];
            report.record(position, vcpu.read_bytes(slot.place(), slot.bytes_mut(buffer)))
        }),
        Group::Struct(carrier, positions) => {
            let mut room = [0; ioctl::LARGEST_STRUCT];
            let bytes = struct_in(&mut room, carrier);
            let fd = vcpu.fd_of(carrier);
            let result = fd.and_then(|fd| ioctl::get_struct(fd, carrier, bytes));
            record_all(positions, report, |position| {
                let slot = &slots[position];
                result
                    .and_then(|()| carriers::take(bytes, slot.place(), slot.bytes_mut(buffer)))
                    .map_err(|kind| error(position, kind))
            })
        }
        Group::Msrs(positions) => {
            let indices = positions.iter().map(|position| index(&slots[*position]));
            msrs::read(vcpu.fd(), indices, |nth, result| {
                let position = positions[nth];
                let value = slots[position].bytes_mut(buffer);
                let result = result.map(|bits| msrs::store(bits, value));
                report.record(position, result.map_err(|kind| error(position, kind)))
            })
        }
    })
}

/// Writes the registers of a plan.
pub(super) fn write<A: Arch>(
    vcpu: &Vcpu<'_, A>,
    plan: &Plan,
    buffer: &[u8],
    report: &mut Report,
) -> ControlFlow<()> {
    let slots = plan.slots();
    let error = |position: usize, kind| {
        let slot = &slots[position];
        vcpu.error(Operation::Set, slot.place(), kind).with_value(slot.bytes(buffer))
    };
    plan.groups().iter().try_for_each(|group| match group {
        Group::Alone(run) => run.clone().try_for_each(|position| {
            let slot = &slots[position];
            report.record(position, vcpu.write_bytes(slot.place(), slot.bytes(buffer)))
        }),
        Group::Struct(carrier, positions) => {
            let result = write_struct(vcpu, carrier, (plan, positions), buffer);
            record_all(positions, report, |position| result.map_err(|kind| error(position, kind)))
        }
        Group::Msrs(positions) => {
            let values = positions.iter().map(|position| &slots[*position]);
            let values = values.map(|slot| (index(slot), msrs::load(slot.bytes(buffer))));
            msrs::write(vcpu.fd(), values, |nth, result| {
                report.record(positions[nth], result.map_err(|kind| error(positions[nth], kind)))
            })
        }
    })
}

/// Writes the registers at `positions` of a plan, and the rest of their struct as just read.
fn write_struct<A: Arch>(
    vcpu: &Vcpu<'_, A>,
    carrier: &Carrier,
    (plan, positions): (&Plan, &[usize]),
    buffer: &[u8],
) -> Result<(), ErrorKind> {
    let mut room = [0; ioctl::LARGEST_STRUCT];
    let bytes = struct_in(&mut room, carrier);
    let fd = vcpu.fd_of(carrier)?;
    ioctl::get_struct(fd, carrier, bytes)?;
    for slot in positions.iter().map(|position| &plan.slots()[*position]) {
        carriers::put(bytes, slot.place(), slot.bytes(buffer))?;
    }
    ioctl::set_struct(fd, carrier, bytes)
}

/// Returns the bytes for the struct of `carrier`; none of one that no table of this crate has, and that is larger.
fn struct_in<'a>(room: &'a mut [u8], carrier: &Carrier) -> &'a mut [u8] {
    room.get_mut(..usize::from(carrier.size)).unwrap_or_default()
}

/// Returns the number of a model-specific register.
fn index(slot: &Slot) -> u32 {
    match slot.place() {
        Place::OneReg(id) => msr::index(id).unwrap_or_default(),
        _ => 0,
    }
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
