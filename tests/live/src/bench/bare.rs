//! The loop of a VMM that accesses one register after the other, without an allocation: an ioctl each; registers in a
//! struct only on x86, and elsewhere one of them for all.

use std::io;
use std::ops::Range;

use onereg::{Carrier, Place, Saved};

use crate::arch::{self, STRUCT_PER_REGISTER};
use crate::system::Vcpu;

/// Registers with their values.
pub(super) struct Bare<'a> {
    vcpu: &'a Vcpu,
    registers: Vec<(Access, Range<usize>)>,
    values: Vec<u8>,
    /// For the struct that holds a register.
    room: Vec<u8>,
}

/// How a register is accessed by itself.
#[derive(Clone)]
enum Access {
    OneReg(u64),
    Msr(u32),
    Struct(&'static Carrier, Range<usize>),
}

impl Access {
    /// Says how; `None` of a struct as a whole, which has no registers.
    fn of(saved: Saved<'_>) -> Option<Access> {
        match (saved.id(), saved.info()?.place) {
            (Some(id), _) => Some(arch::msr(id).map_or(Access::OneReg(id), Access::Msr)),
            (None, Place::Via { carrier, offset, size }) => {
                let start = usize::from(offset);
                Some(Access::Struct(carrier, start..start + usize::from(size)))
            }
            (None, _) => None,
        }
    }
}

impl<'a> Bare<'a> {
    /// Takes registers of a state with their values.
    pub(super) fn new<'s>(vcpu: &'a Vcpu, saved: impl Iterator<Item = Saved<'s>>) -> Bare<'a> {
        let mut bare = Bare { vcpu, registers: Vec::new(), values: Vec::new(), room: Vec::new() };
        for (access, saved) in saved.filter_map(|saved| Some((Access::of(saved)?, saved))) {
            if let Access::Struct(carrier, _) = access {
                if !STRUCT_PER_REGISTER && bare.has_struct(carrier) {
                    continue;
                }
                let size = bare.room.len().max(carrier.size.into());
                bare.room.resize(size, 0);
            }
            let start = bare.values.len();
            bare.values.extend_from_slice(saved.value());
            bare.registers.push((access, start..bare.values.len()));
        }
        bare
    }

    fn has_struct(&self, carrier: &Carrier) -> bool {
        let is_in_it = |access: &Access| matches!(access, Access::Struct(of, _) if *of == carrier);
        self.registers.iter().any(|(access, _)| is_in_it(access))
    }

    /// Returns how many registers there are.
    pub(super) fn len(&self) -> usize {
        self.registers.len()
    }

    /// Reads every register.
    pub(super) fn read(&mut self) -> io::Result<()> {
        let Bare { vcpu, registers, values, room } = self;
        registers.iter().try_for_each(|(access, range)| {
            let value = values.get_mut(range.clone()).unwrap_or_default();
            match access {
                Access::OneReg(id) => vcpu.get_one_reg(*id, value),
                Access::Msr(index) => {
                    value.copy_from_slice(&vcpu.get_msr(*index)?.to_ne_bytes());
                    Ok(())
                }
                Access::Struct(carrier, place) => {
                    let bytes = &mut room[..carrier.size.into()];
                    vcpu.get_struct(carrier, bytes)?;
                    value.copy_from_slice(&bytes[place.clone()]);
                    Ok(())
                }
            }
        })
    }

    /// Writes every register.
    pub(super) fn write(&mut self) -> io::Result<()> {
        let Bare { vcpu, registers, values, room } = self;
        registers.iter().try_for_each(|register| write(vcpu, register, values, room))
    }

    /// Leaves out the registers that refuse their own value.
    pub(super) fn retain_writable(&mut self) {
        let Bare { vcpu, registers, values, room } = self;
        registers.retain(|register| write(vcpu, register, values, room).is_ok());
    }
}

/// Writes a register, and the rest of its struct as just read.
fn write(
    vcpu: &Vcpu,
    (access, range): &(Access, Range<usize>),
    values: &[u8],
    room: &mut [u8],
) -> io::Result<()> {
    let value = values.get(range.clone()).unwrap_or_default();
    match access {
        Access::OneReg(id) => vcpu.set_one_reg(*id, value),
        Access::Msr(index) => {
            let mut bits = [0; 8];
            bits.copy_from_slice(value);
            vcpu.set_msr(*index, u64::from_ne_bytes(bits))
        }
        Access::Struct(carrier, place) => {
            let bytes = &mut room[..carrier.size.into()];
            vcpu.get_struct(carrier, bytes)?;
            bytes[place.clone()].copy_from_slice(value);
            vcpu.set_struct(carrier, bytes)
        }
    }
}
