//! Everything that the tables say of a register, in words.

use super::{Member, Relative};
use crate::model::{
    Access, Class, Content, Group, Host, Listed, Part, Piece, Register, Scope, Width, WriteRule,
};

/// A label and what stands behind it.
pub type Fact = (&'static str, String);

/// Lists what the tables say of a register; what they leave at its default is left out.
pub fn facts(member: &Member<'_>) -> Vec<Fact> {
    let mut facts = vec![place(member), ("width", width(member)), ("group", group(member))];
    facts.extend(number(member));
    facts.extend(attributes(member));
    facts
}

/// Lists what the tables say of a register besides its place.
pub fn attributes(member: &Member<'_>) -> Vec<Fact> {
    let mut facts = Vec::from_iter(encoding(member));
    facts.extend(family(member));
    facts.extend(access(member.row));
    facts.extend(conditions(member.row));
    facts.extend(listing(member));
    facts.extend(state(member));
    facts.extend(content(member.row));
    facts.extend(relatives(member));
    facts.extend(member.row.errata.iter().map(|erratum| ("erratum", erratum.clone())));
    facts.extend(member.row.source.iter().map(|source| ("source", source.clone())));
    facts
}

fn place(member: &Member<'_>) -> Fact {
    let carrier = member.row.via.map(|carrier| &member.arch.carriers[carrier]);
    match carrier {
        Some(carrier) => {
            let set = carrier.set.as_ref().map(|set| format!(", {}", set.name)).unwrap_or_default();
            ("carried by", format!("{}{set}: {}", carrier.get.name, member.place()))
        }
        None if !member.arch.is_kvm() => ("address", member.place()),
        None if member.row.width == Width::Ulong && member.row.xlen.is_none() => {
            let on = |xlen| Member { host: Host { xlen, ..member.host }, ..*member }.place();
            ("id", format!("{} where XLEN is 64, {} where it is 32", on(64), on(32)))
        }
        None => ("id", member.place()),
    }
}

fn width(member: &Member<'_>) -> String {
    let bits = member.width();
    match member.row.width {
        Width::Bits(_) => format!("{bits} bits"),
        Width::Ulong => "ulong: XLEN of the host".to_owned(),
        Width::Vlenb => {
            format!("vlenb: {bits} bits where vector registers have {} bytes", bits / 8)
        }
    }
}

fn group(member: &Member<'_>) -> String {
    let group = member.group();
    format!("{}: {}", group.name, group.doc)
}

fn number(member: &Member<'_>) -> Option<Fact> {
    let is_own = member.row.via.is_none();
    is_own.then(|| ("number", number_text(member.group(), member.number())))
}

fn encoding(member: &Member<'_>) -> Option<Fact> {
    member.row.encoding.map(|encoding| ("encoding", number_text(member.group(), encoding)))
}

/// Writes a number of `group` in hex, with its named parts: those above 15 in hex, too.
pub fn number_text(group: &Group, number: u64) -> String {
    let part = |part: &Part| match part.of(number) {
        small @ 0..16 => format!(", {} {small}", part.name),
        large => format!(", {} {large:#x}", part.name),
    };
    format!("{number:#x}{}", group.parts.iter().map(part).collect::<String>())
}

/// Writes the bits that a number of `group` may use: `15..0`, or `op0 15..14, op1 13..11`.
pub fn number_bits_text(group: &Group) -> String {
    if group.parts.is_empty() {
        let msb = group.mask.checked_ilog2().unwrap_or(0);
        return range_text(msb, group.mask.trailing_zeros().min(msb));
    }
    let part =
        |part: &Part| format!("{} {}", part.name, range_text(part.msb.into(), part.lsb.into()));
    group.parts.iter().map(part).collect::<Vec<_>>().join(", ")
}

/// Writes the bits of a field: `31`, `3..0`, `39..32, 7..0`.
pub fn bits_text(pieces: &[Piece]) -> String {
    pieces.iter().map(|piece| range_text(piece.msb, piece.lsb)).collect::<Vec<_>>().join(", ")
}

fn range_text(msb: u32, lsb: u32) -> String {
    if msb == lsb { msb.to_string() } else { format!("{msb}..{lsb}") }
}

fn family(member: &Member<'_>) -> Vec<Fact> {
    let mut facts = Vec::new();
    if member.row.name.family.is_some() {
        facts.push(("family", format!("{}, {:#x} apart", member.row.name.text, member.row.stride)));
    }
    if member.row.slices > 0 {
        facts
            .push(("slices", format!("{}, selected by the low bits of the id", member.row.slices)));
    }
    facts
}

fn access(row: &Register) -> Vec<Fact> {
    let access = match row.access {
        Access::ReadWrite => "read and write",
        Access::ReadOnly => "read only",
        Access::WriteOnly => "write only",
    };
    let write = match row.write {
        WriteRule::Any => None,
        WriteRule::MustMatch => Some("only the present value is accepted"),
        WriteRule::BeforeFirstRun => Some("a new value is accepted only before the first KVM_RUN"),
        WriteRule::UntilFirstRun => Some("accepted only before the first KVM_RUN"),
        WriteRule::BeforeFinalize => Some("accepted only before KVM_ARM_VCPU_FINALIZE"),
        WriteRule::ClearOnce => Some("0 is accepted only while the register is not 0"),
        WriteRule::UpTo => Some("a value up to that of a new vCPU is accepted"),
        WriteRule::VcpuBits => Some("only bits that the vCPU has are accepted"),
    };
    let mut facts = vec![("access", access.to_owned())];
    let since = row.write_since.as_ref().map(|since| format!(" (since Linux {since})"));
    let since = since.unwrap_or_default();
    facts.extend(write.map(|write| ("write", format!("{write}{since}"))));
    facts.extend(row.rule.iter().map(|rule| ("rule in", rule.clone())));
    facts
}

fn conditions(row: &Register) -> Vec<Fact> {
    let mut facts = Vec::new();
    if !row.requires.is_empty() {
        facts.push(("requires", row.requires.join(", ")));
    }
    facts.extend(row.since.iter().map(|since| ("since", format!("Linux {since}"))));
    facts.extend(row.until.iter().map(|until| ("until", format!("Linux {until}"))));
    if let Some(xlen) = row.xlen {
        facts.push(("host", format!("only where XLEN is {xlen}")));
    }
    facts
}

fn listing(member: &Member<'_>) -> Option<Fact> {
    if member.row.hidden {
        return Some(("hidden", "in the kernel's table, but on no vCPU".to_owned()));
    }
    let ioctl = match member.row.listed {
        Listed::RegList => "KVM_GET_REG_LIST",
        Listed::MsrList => "KVM_GET_MSR_INDEX_LIST",
        Listed::FeatureList => "KVM_GET_MSR_FEATURE_INDEX_LIST",
        Listed::Never => "no ioctl",
    };
    member.id().map(|_| ("listed by", ioctl.to_owned()))
}

fn state(member: &Member<'_>) -> Vec<Fact> {
    let mut facts = Vec::new();
    if member.row.scope == Scope::Vm {
        facts.push(("scope", "the VM: a write reaches every vCPU".to_owned()));
    }
    facts.push(("class", class_text(member.row.class).to_owned()));
    facts.extend(member.phase().map(|phase| ("phase", phase.to_owned())));
    facts
}

/// Writes a class of state: its word, and what it means.
pub fn class_text(class: Class) -> &'static str {
    match class {
        Class::State => "state",
        Class::Identity => "identity: who the CPU is",
        Class::Derived => "derived: follows from other registers",
        Class::Volatile => "volatile: changes by itself",
        Class::WriteOnce => "write-once",
        Class::VmWide => "vm-wide: belongs to the VM",
        Class::PreFinalize => "pre-finalize: written before the vCPU is finalized",
    }
}

fn content(row: &Register) -> Option<Fact> {
    let content = match row.content? {
        Content::Value => "value: it has no fields",
        Content::ImplementationDefined => {
            "implementation-defined: each implementation has its own fields"
        }
        Content::Opaque => "opaque: something else describes what is in it",
    };
    Some(("content", content.to_owned()))
}

fn relatives(member: &Member<'_>) -> Vec<Fact> {
    let mut facts = Vec::new();
    facts.extend(member.alias_of().map(|relative| ("alias of", relative.name())));
    let lists = [("also named", member.aliases()), ("overlaps", member.overlaps())];
    facts.extend(
        lists
            .into_iter()
            .filter(|(_, relatives)| !relatives.is_empty())
            .map(|(label, relatives)| (label, names(&relatives))),
    );
    facts
}

fn names(relatives: &[Relative<'_>]) -> String {
    relatives.iter().map(Relative::name).collect::<Vec<_>>().join(", ")
}
