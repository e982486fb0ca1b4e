//! Every id belongs to one row, unless another says `alias_of`; families and slices keep off other rows.

use crate::diagnostics::Finding;
use crate::lower::Lowered;
use crate::model::{SIZE_MASK, Width, size_bits};

/// The ids, or bytes, that one member of a row takes.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    /// Carrier, or size bits; symbolic sizes stand for all they can be.
    space: u64,
    start: u64,
    end: u64,
    register: usize,
    member: u32,
}

pub(super) fn check(lowered: &Lowered, findings: &mut Vec<Finding>) {
    let mut spans = spans(lowered);
    spans.sort_unstable();
    let mut reported = Vec::new();
    for pair in spans.windows(2) {
        let [first, second] = pair else { continue };
        if first.space != second.space || first.end <= second.start {
            continue;
        }
        let rows = (first.register.min(second.register), first.register.max(second.register));
        if !reported.contains(&rows) {
            reported.push(rows);
            findings.push(finding(lowered, first, second));
        }
    }
}

fn spans(lowered: &Lowered) -> Vec<Span> {
    let model = &lowered.model;
    let mut spans = Vec::with_capacity(model.registers.len());
    for (index, register) in model.registers.iter().enumerate() {
        if register.alias_of.is_some() {
            continue;
        }
        for member in 0..register.name.count() {
            let body = model.id_body(register, member) & !SIZE_MASK;
            let mut add = |space, start: u64, length: u64| {
                let end = start.saturating_add(length.max(1));
                spans.push(Span { space, start, end, register: index, member });
            };
            let slices = u64::from(register.slices);
            match (register.via, register.width) {
                (Some(via), _) => {
                    let bytes = register.width.bits(crate::model::Host::default()) / 8;
                    add(u64::MAX - via as u64, register.offset(member), bytes.into());
                }
                (None, Width::Bits(bits)) if !model.is_kvm() => add(0, body, u64::from(bits / 8)),
                (None, Width::Bits(bits)) => add(size_bits(bits), body, slices),
                (None, Width::Ulong) => {
                    for xlen in [32, 64] {
                        if register.xlen.is_none_or(|only| only == xlen) {
                            add(size_bits(xlen), body, slices);
                        }
                    }
                }
                (None, Width::Vlenb) => (0..14).for_each(|size| add(size << 52, body, slices)),
            }
        }
    }
    spans
}

fn finding(lowered: &Lowered, first: &Span, second: &Span) -> Finding {
    let registers = &lowered.model.registers;
    // The row that stands later in the tables is the one to look at.
    let (before, after) =
        if first.register < second.register { (first, second) } else { (second, first) };
    let name = |span: &Span| registers[span.register].name.member(span.member);
    let what = match registers[after.register].via {
        Some(via) => format!("{} + {:#x}", lowered.model.carriers[via].structure, second.start),
        None if lowered.model.is_kvm() => format!("id {:#018x}", second.start | after.space),
        None => format!("address {:#x}", second.start),
    };
    let place = |span: &Span| lowered.rows[span.register].value("number");
    let finding = if before.register == after.register {
        let message = format!(
            "{what} belongs to both `{}` and `{}` of one family",
            name(before),
            name(after)
        );
        Finding::new("E0202", place(after), message)
    } else {
        let message = format!("{what} of `{}` already belongs to `{}`", name(after), name(before));
        Finding::new("E0202", place(after), message)
            .label("the second")
            .related(place(before), "the first")
    };
    finding.help(format!("correct the number, or say `alias_of: {}`", name(before)))
}
