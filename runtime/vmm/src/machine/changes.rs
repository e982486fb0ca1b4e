//! What became of a vCPU's registers between two moments.

use std::io::{self, Write};

use onereg::{Access, Arch, Class, Digits, Info, OnFailure, Plan, Registers};

/// The registers of a vCPU at one moment.
pub(crate) struct Snapshot {
    registers: Vec<(&'static Info, Box<[u8]>)>,
}

impl Snapshot {
    /// Reads every register of the vCPU's own that can be read and does not change by itself.
    pub(crate) fn take<A: Arch>(vcpu: &impl Registers<A>) -> Snapshot {
        let steady = |info: &&Info| {
            info.row.access != Access::WriteOnly
                && !matches!(info.row.class, Class::Volatile | Class::VmWide)
        };
        let infos: Vec<&'static Info> = A::TABLE.registers.iter().filter(steady).collect();
        let plan = Plan::new(vcpu.host(), infos.iter().map(|info| info.place));
        let mut buffer = vec![0; plan.size()];
        let failures = match vcpu.read_plan(&plan, &mut buffer, OnFailure::Continue) {
            Ok(()) => Vec::new(),
            Err(error) => error.failures().iter().map(|failure| failure.position).collect(),
        };
        let values = plan.slots().iter().map(|slot| slot.bytes(&buffer).into());
        let present = infos.into_iter().zip(values).enumerate();
        let registers = present
            .filter(|(position, _)| !failures.contains(position))
            .map(|(_, register)| register)
            .collect();
        Snapshot { registers }
    }

    /// Prints every register that differs in `later`, with the fields that do.
    pub(crate) fn print_changes(&self, later: &Snapshot, out: &mut impl Write) -> io::Result<()> {
        for (info, before) in &self.registers {
            let after = later.registers.iter().find(|(known, _)| known == info);
            if let Some((_, after)) = after.filter(|(_, after)| after != before) {
                writeln!(out, "  {:<14} {} -> {}", info.name, Digits(before), Digits(after))?;
                print_fields(info, before, after, out)?;
            }
        }
        Ok(())
    }

    /// Returns how many registers it has.
    pub(crate) fn count(&self) -> usize {
        self.registers.len()
    }
}

fn print_fields(info: &Info, before: &[u8], after: &[u8], out: &mut impl Write) -> io::Result<()> {
    for (before, after) in info.fields(before).zip(info.fields(after)) {
        if before.value != after.value {
            writeln!(out, "  {:<14}   {}: {before} -> {after}", "", before.field.name)?;
        }
    }
    Ok(())
}
