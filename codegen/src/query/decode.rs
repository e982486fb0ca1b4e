//! From an id to everything that can be said of it.

use std::cmp::Reverse;

use super::{Member, all_members, home};
use crate::model::{
    Arch, CODE_SHIFT, Group, Host, Register, SIZE_MASK, SIZE_SHIFT, Width, size_bits,
};

/// Largest vector register of the kernel's, in bytes.
const MAX_VLENB: u32 = 8192;
/// How many near registers are named for an id that no table has.
const NEAREST: usize = 3;

/// An id, taken apart.
#[derive(Debug, Clone)]
pub struct Decoded<'a> {
    /// The id.
    pub id: u64,
    /// Its architecture: bits 63..56.
    pub arch: Option<&'a Arch>,
    /// Its width in bits: bits 55..52; in a plain space the register's.
    pub width: u32,
    /// Its group, by the bits that the group's ids share.
    pub group: Option<&'a Group>,
    /// Its register.
    pub register: Option<Located<'a>>,
    /// The registers nearest to it, where it has none.
    pub nearest: Vec<Member<'a>>,
}

/// The register of an id.
#[derive(Debug, Clone, Copy)]
pub struct Located<'a> {
    /// The register.
    pub member: Member<'a>,
    /// Which of its slices the id selects.
    pub slice: u64,
}

impl Decoded<'_> {
    /// Returns bits 63..56.
    pub fn code(&self) -> u64 {
        self.id >> CODE_SHIFT
    }

    /// Returns bits 55..52: the binary logarithm of the size in bytes.
    pub fn size_code(&self) -> u64 {
        (self.id & SIZE_MASK) >> SIZE_SHIFT
    }

    /// Returns the number in the group, or the bits 51..0 of an id without one.
    pub fn number(&self) -> u64 {
        self.group.map_or(self.id & index_mask(), |group| self.id & group.mask)
    }
}

/// Takes `id` apart with the tables `archs`.
///
/// An id of a symbolic width is recognised at every size that a host could give it, an id with slices at each of them.
/// In a table that is not KVM's, `id` is an address.
pub fn decode(archs: &[Arch], id: u64) -> Decoded<'_> {
    let kvm =
        archs.iter().find(|arch| arch.code.is_some_and(|code| u64::from(code) == id >> CODE_SHIFT));
    if let Some(arch) = kvm {
        return decode_in(arch, id);
    }
    let mut plain = archs.iter().filter(|arch| !arch.is_kvm()).map(|arch| decode_in(arch, id));
    plain.find(|decoded| decoded.register.is_some()).unwrap_or_else(|| Decoded {
        id,
        arch: None,
        width: width(id),
        group: None,
        register: None,
        nearest: Vec::new(),
    })
}

fn decode_in(arch: &Arch, id: u64) -> Decoded<'_> {
    let register = locate(arch, id);
    let group = register.map(|located| located.member.group()).or_else(|| group(arch, id));
    let width = if arch.is_kvm() {
        width(id)
    } else {
        register.map_or(0, |located| located.member.width())
    };
    let nearest = if register.is_some() { Vec::new() } else { nearest(arch, id) };
    Decoded { id, arch: Some(arch), width, group, register, nearest }
}

/// The width in bits that the size bits of `id` say.
fn width(id: u64) -> u32 {
    8 << ((id & SIZE_MASK) >> SIZE_SHIFT)
}

fn index_mask() -> u64 {
    (1 << SIZE_SHIFT) - 1
}

fn group(arch: &Arch, id: u64) -> Option<&Group> {
    let carried =
        |index: usize| arch.registers.iter().any(|row| row.group == index && row.via.is_some());
    let matches = |group: &Group| group.mask != 0 && id & index_mask() & !group.mask == group.base;
    arch.groups
        .iter()
        .enumerate()
        .find(|(index, group)| matches(group) && !carried(*index))
        .map(|(_, group)| group)
}

/// The register of `id`, by its own name rather than an alias.
fn locate(arch: &Arch, id: u64) -> Option<Located<'_>> {
    let found = arch.registers.iter().filter_map(|row| locate_in(arch, row, id));
    found.min_by_key(|located| located.member.row.alias_of.is_some())
}

fn locate_in<'a>(arch: &'a Arch, row: &'a Register, id: u64) -> Option<Located<'a>> {
    if row.via.is_some() {
        return None;
    }
    let host = if arch.is_kvm() { host(row, id)? } else { Host::default() };
    let body = if arch.is_kvm() { id & !SIZE_MASK } else { id };
    let distance = body.checked_sub(arch.id_body(row, 0))?;
    let index =
        u32::try_from(distance / row.stride.max(1)).unwrap_or(u32::MAX).min(row.name.count() - 1);
    let slice = distance - u64::from(index) * row.stride;
    (slice < u64::from(row.slices.max(1)))
        .then_some(Located { member: Member { arch, row, index, host }, slice })
}

/// The host on which `row` has the size bits of `id`.
fn host(row: &Register, id: u64) -> Option<Host> {
    let bits = width(id);
    let usual = home(row);
    let (fits, host) = match row.width {
        Width::Bits(own) => (size_bits(own) == id & SIZE_MASK, usual),
        Width::Ulong => (bits == 32 || bits == 64, Host { xlen: bits, ..usual }),
        Width::Vlenb => (bits / 8 <= MAX_VLENB, Host { vlenb: bits / 8, ..usual }),
    };
    (fits && row.xlen.is_none_or(|xlen| xlen == host.xlen)).then_some(host)
}

/// The registers whose ids are nearest: those that differ in size alone first.
fn nearest(arch: &Arch, id: u64) -> Vec<Member<'_>> {
    let mut near: Vec<_> = all_members(arch).filter(|member| member.row.via.is_none()).collect();
    let distance =
        |member: &Member<'_>| (id & !SIZE_MASK).abs_diff(arch.id_body(member.row, member.index));
    near.sort_by_key(|member| (distance(member), Reverse(member.width())));
    near.truncate(NEAREST);
    near
}
