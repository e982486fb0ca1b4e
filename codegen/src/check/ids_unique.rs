//! Every id belongs to one row, unless another says `alias_of`; families and slices keep off other rows.

use std::collections::HashSet;

use super::aliases_share_ids::difference;
use super::{numbers_fit, strides_set, widths_legal};
use crate::diagnostics::Finding;
use crate::lower::Lowered;
use crate::model::{SIZE_MASK, SIZE_SHIFT, Width, low_bits, size_bits};

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
    let mut reported = HashSet::new();
    let mut widest: Option<&Span> = None;
    for span in &spans {
        let reaches = |before: &&Span| before.space == span.space && before.end > span.start;
        if let Some(before) = widest.filter(reaches) {
            let rows = (before.register.min(span.register), before.register.max(span.register));
            let constant = |register: usize| &lowered.model.registers[register].constant;
            // Two rows of one name have had their finding.
            if constant(rows.0) != constant(rows.1) && reported.insert(rows) {
                findings.push(finding(lowered, before, span));
            }
        }
        if widest.is_none_or(|before| before.space != span.space || before.end < span.end) {
            widest = Some(span);
        }
    }
}

/// Whether the ids of a register mean something: nothing was said of its width, number or stride.
fn is_sound(lowered: &Lowered, index: usize) -> bool {
    let register = &lowered.model.registers[index];
    let group = &lowered.model.groups[register.group];
    let base_fits = !lowered.model.is_kvm() || group.base <= low_bits(SIZE_SHIFT);
    let is_alias = register.alias_of.is_some() || lowered.loose_aliases.contains(&index);
    base_fits
        && !is_alias
        && widths_legal::problem(lowered, register).is_none()
        && numbers_fit::problem(lowered, register).is_none()
        && strides_set::problem(lowered, register).is_none()
}

fn spans(lowered: &Lowered) -> Vec<Span> {
    let model = &lowered.model;
    let mut spans = Vec::with_capacity(model.registers.len());
    for (index, register) in model.registers.iter().enumerate() {
        if !is_sound(lowered, index) {
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
    let message = format!("{what} of `{}` already belongs to `{}`", name(after), name(before));
    let place = |span: &Span| lowered.rows[span.register].value("number");
    let finding = Finding::new("E0202", place(after), message).label("the second");
    let (target, alias) = (&registers[before.register], &registers[after.register]);
    let help = match difference(&lowered.model, alias, target) {
        Some(_) => "correct the number".to_owned(),
        None => format!("correct the number, or say `alias_of: {}`", quoted(&target.name.text)),
    };
    finding.related(place(before), "the first").help(help)
}

/// A name as YAML has it.
fn quoted(name: &str) -> String {
    if name.contains('{') { format!("\"{name}\"") } else { name.to_owned() }
}
