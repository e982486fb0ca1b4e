//! One register on one host: a member of a row.

use crate::model::{Arch, Group, Host, Layout, Listed, Register};

/// A register of a row, on a host.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// Its architecture.
    pub arch: &'a Arch,
    /// Its row.
    pub row: &'a Register,
    /// Its index in the row's family, from 0.
    pub index: u32,
    /// What its symbolic width depends on.
    pub host: Host,
}

/// Lists every register of `arch` that exists on `host`, in the order of the tables, families expanded.
pub fn members(arch: &Arch, host: Host) -> impl Iterator<Item = Member<'_>> {
    let rows = arch.registers.iter().filter(move |row| arch.exists(row, host));
    rows.flat_map(move |row| row_members(arch, row, host))
}

/// Lists every register of `arch`, in the order of the tables, families expanded, each on a 64-bit host if it exists
/// there.
pub fn all_members(arch: &Arch) -> impl Iterator<Item = Member<'_>> {
    arch.registers.iter().flat_map(|row| row_members(arch, row, home(row)))
}

/// Lists the registers of `row`: one, or the members of a family.
pub fn row_members<'a>(
    arch: &'a Arch,
    row: &'a Register,
    host: Host,
) -> impl Iterator<Item = Member<'a>> {
    (0..row.name.count()).map(move |index| Member { arch, row, index, host })
}

/// Returns a host that has the registers of `row`: a 64-bit one if it can be.
pub fn home(row: &Register) -> Host {
    let usual = Host::default();
    Host { xlen: row.xlen.unwrap_or(usual.xlen), ..usual }
}

impl<'a> Member<'a> {
    /// Returns the name.
    pub fn name(&self) -> String {
        self.row.name.member(self.index)
    }

    /// Returns the width in bits.
    pub fn width(&self) -> u32 {
        self.row.width.bits(self.host)
    }

    /// Returns the id for KVM_GET_ONE_REG; `None` in a plain space and where another ioctl carries the register.
    pub fn id(&self) -> Option<u64> {
        if self.arch.is_kvm() { self.arch.id(self.row, self.index, self.host) } else { None }
    }

    /// Returns the address in bytes; `None` outside plain spaces.
    pub fn address(&self) -> Option<u64> {
        if self.arch.is_kvm() { None } else { self.arch.id(self.row, self.index, self.host) }
    }

    /// Returns the name of the struct of another ioctl that carries the register, and the offset in it in bytes.
    pub fn carried(&self) -> Option<(&'a str, u64)> {
        let carrier = &self.arch.carriers[self.row.via?];
        Some((&carrier.structure, self.number()))
    }

    /// Returns the number in the group; the offset in the struct of another ioctl.
    pub fn number(&self) -> u64 {
        self.row.number.wrapping_add(self.row.stride.wrapping_mul(u64::from(self.index)))
    }

    /// Returns where the register lives: `0x603000000013c080`, or `kvm_regs+0x0008`.
    pub fn place(&self) -> String {
        match (self.id().or(self.address()), self.carried()) {
            (Some(id), _) => format!("{id:#018x}"),
            (None, Some((structure, offset))) => format!("{structure}+{offset:#06x}"),
            (None, None) => String::new(),
        }
    }

    /// Returns the group.
    pub fn group(&self) -> &'a Group {
        &self.arch.groups[self.row.group]
    }

    /// Returns the layout, where the table describes it.
    pub fn layout(&self) -> Option<&'a Layout> {
        self.arch.layout(self.row, self.host)
    }

    /// Returns the restore phase.
    pub fn phase(&self) -> Option<&'a str> {
        self.row.phase.map(|phase| self.arch.phases[phase].as_str())
    }

    /// Returns whether KVM_GET_REG_LIST lists it on some vCPU.
    pub fn is_in_reg_list(&self) -> bool {
        self.id().is_some() && self.row.listed == Listed::RegList && !self.row.hidden
    }

    /// Returns the register with the same id that this one is another name of.
    pub fn alias_of(&self) -> Option<Relative<'a>> {
        self.row.alias_of.map(|row| self.counterpart(&self.arch.registers[row]))
    }

    /// Returns the other names of the same id.
    pub fn aliases(&self) -> Vec<Relative<'a>> {
        let own = std::ptr::from_ref(self.row);
        let is_alias = |row: &&Register| {
            row.alias_of.is_some_and(|of| std::ptr::eq(&self.arch.registers[of], own))
        };
        self.arch.registers.iter().filter(is_alias).map(|row| self.counterpart(row)).collect()
    }

    /// Returns the registers with other ids that share storage, whichever of their rows says so.
    pub fn overlaps(&self) -> Vec<Relative<'a>> {
        let rows = &self.arch.registers;
        let named = |index: &usize| self.row.overlaps.contains(index);
        let names_this = |index: &usize| {
            let overlaps = &rows[*index].overlaps;
            overlaps.iter().any(|of| std::ptr::eq(&rows[*of], self.row))
        };
        let others = (0..rows.len()).filter(|index| named(index) || names_this(index));
        others.map(|index| self.counterpart(&rows[index])).collect()
    }

    /// The member of `row` with this one's index; the whole family where there is none.
    fn counterpart(&self, row: &'a Register) -> Relative<'a> {
        let paired = self.row.name.family.is_some() && self.index < row.name.count();
        Relative { row, index: paired.then_some(self.index) }
    }
}

/// A register that has to do with another one.
#[derive(Debug, Clone, Copy)]
pub struct Relative<'a> {
    /// Its row.
    pub row: &'a Register,
    /// Which member of a family it is; `None` for a single register, and for a whole family.
    pub index: Option<u32>,
}

impl Relative<'_> {
    /// Returns its name; that of a whole family is the row's.
    pub fn name(&self) -> String {
        self.index.map_or_else(|| self.row.name.text.clone(), |index| self.row.name.member(index))
    }
}
