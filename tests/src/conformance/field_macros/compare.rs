//! Macros and fields, compared both ways.

use std::collections::{BTreeMap, BTreeSet};

use onereg_codegen::model::{Arch, Field, Host, Layout, Piece};

use super::header::Macro;
use super::{Case, Role, pairs, words};

/// What a comparison found.
pub(super) struct Found {
    /// Fields that a macro names.
    pub(super) fields: usize,
    /// Values of fields that a macro names.
    pub(super) values: usize,
    /// Fields of the same registers that no macro names.
    pub(super) unnamed: usize,
    pub(super) differences: Vec<String>,
}

/// Compares macros with the fields of the registers that they are of.
pub(super) fn compare(case: &Case, arch: &Arch, host: Host, macros: &[Macro]) -> Found {
    let mut comparison = Comparison {
        case,
        arch,
        host,
        macros,
        fields: BTreeSet::new(),
        values: BTreeSet::new(),
        synonyms: BTreeSet::new(),
        also: BTreeSet::new(),
    };
    let mut differences = Vec::new();
    for item in macros {
        let Some(value) = item.value else { continue };
        let excused = words(case.exceptions).any(|name| name == item.base());
        match comparison.check(item, value) {
            Ok(()) if excused => {
                differences.push(format!("{}: an exception without need: remove it", item.name));
            }
            Err(error) if !excused => differences.push(format!("{}: {error}", item.name)),
            _ => {}
        }
    }
    let (unnamed, more) = comparison.unnamed();
    differences.extend(more);
    differences.extend(comparison.stale());
    differences.extend(comparison.strange());
    let (fields, values) = (comparison.fields.len(), comparison.values.len());
    Found { fields, values, unnamed, differences }
}

/// The field that a macro is a value of.
enum Enumerated {
    /// By the mask that another macro gives.
    At(Piece),
    /// By its name in the tables.
    Named(&'static str),
}

/// A comparison on its way.
struct Comparison<'a> {
    case: &'a Case,
    arch: &'a Arch,
    host: Host,
    macros: &'a [Macro],
    /// Registers and fields that a macro names.
    fields: BTreeSet<(&'static str, &'a str)>,
    /// Registers, fields and values that a macro names.
    values: BTreeSet<(&'static str, &'a str, u64)>,
    /// Synonyms of values that were needed.
    synonyms: BTreeSet<(&'static str, &'static str)>,
    /// Layouts, fields and their other names that were needed.
    also: BTreeSet<(&'a str, &'a str, &'a str)>,
}

impl<'a> Comparison<'a> {
    fn check(&mut self, item: &Macro, value: u64) -> Result<(), String> {
        match item.role {
            Role::Mask => match self.enumerated(item, value) {
                Some((field, name)) => self.check_value(item, value, &field, name),
                None => self.check_field(item, value),
            },
            Role::Flag if value < 64 => self.check_field(item, 1 << value),
            Role::Flag => Err(format!("there is no bit {value}")),
            Role::Lowest | Role::Highest | Role::Width => self.check_position(item, value),
        }
    }

    /// The field that the macro is a value of, and the value's name.
    fn enumerated<'m>(&self, item: &'m Macro, value: u64) -> Option<(Enumerated, &'m str)> {
        let mut known = self.case.values.iter();
        if let Some((_, field)) = known.find(|(start, _)| item.name.starts_with(start)) {
            let mask = self.macros.iter().find(|other| other.name == *field);
            let of = match mask.and_then(|mask| run(mask.value?)) {
                Some(bits) => Enumerated::At(bits),
                None => Enumerated::Named(field),
            };
            return Some((of, &item.of));
        }
        // A value has no suffix.
        let extends =
            |other: &&Macro| item.name == item.base() && name_after(item, other).is_some();
        let mask = self.macros.iter().filter(extends).max_by_key(|other| other.of.len())?;
        let bits = run(mask.value?)?;
        place(value, bits)?;
        Some((Enumerated::At(bits), name_after(item, mask)?))
    }

    /// Checks that the registers of the macro have a field of exactly these bits, and of this name.
    fn check_field(&mut self, item: &Macro, mask: u64) -> Result<(), String> {
        let bits = run(mask).ok_or_else(|| format!("{mask:#x} is no run of bits"))?;
        for register in item.group.registers {
            let field = self.field(register, bits)?;
            self.check_field_name(item, register, field)
                .map_err(|error| format!("{register} {}..{}: {error}", bits.msb, bits.lsb))?;
            self.fields.insert((register, &field.name));
        }
        Ok(())
    }

    /// Checks that the field has this name for the value.
    fn check_value(
        &mut self,
        item: &Macro,
        given: u64,
        of: &Enumerated,
        name: &str,
    ) -> Result<(), String> {
        for register in item.group.registers {
            let field = match of {
                Enumerated::At(bits) => self.field(register, *bits)?,
                Enumerated::Named(field) => self.field_named(register, field)?,
            };
            let value = place(given, field.pieces[0]);
            let value = value.ok_or_else(|| format!("{given:#x} is no value"))?;
            let named = field.values.iter().find(|named| named.value == value);
            let named = named
                .ok_or_else(|| format!("{register}.{} has no name for {value}", field.name))?;
            self.check_value_name(item, name, &named.name)
                .map_err(|error| format!("{register}.{} = {value}: {error}", field.name))?;
            self.fields.insert((register, &field.name));
            self.values.insert((register, &field.name, value));
        }
        Ok(())
    }

    /// Checks a position or width against the mask of the same field.
    fn check_position(&mut self, item: &Macro, value: u64) -> Result<(), String> {
        let of_same = |role| {
            let found = self.macros.iter().find(|other| {
                let registers = other.group.registers == item.group.registers;
                (other.role, other.of.as_str()) == (role, &item.of) && registers
            });
            found.and_then(|other| other.value)
        };
        let mask = match (of_same(Role::Mask), of_same(Role::Lowest), of_same(Role::Width)) {
            (Some(mask), ..) => mask,
            (None, Some(lowest), Some(width @ 1..64)) => ((1 << width) - 1) << lowest,
            _ => return Err("nothing says the bits of it".to_owned()),
        };
        let bits = run(mask).ok_or_else(|| format!("{mask:#x} is no run of bits"))?;
        let here = match item.role {
            Role::Lowest => bits.lsb,
            Role::Highest => bits.msb,
            _ => bits.width(),
        };
        if u64::from(here) != value {
            return Err(format!("it is {value}, of {mask:#x} it is {here}"));
        }
        self.check_field(item, mask)
    }

    /// The field that has exactly these bits, or, of a split one, them as a piece.
    fn field(&self, register: &str, bits: Piece) -> Result<&'a Field, String> {
        let fields = self.fields_of(register)?;
        let has = |field: &&Field| field.pieces.contains(&bits) && !field.kind.is_reserved();
        fields.iter().find(has).ok_or_else(|| {
            let shares = |field: &&Field| {
                field.pieces.iter().any(|piece| piece.lsb <= bits.msb && bits.lsb <= piece.msb)
            };
            let names: Vec<_> =
                fields.iter().filter(shares).map(|field| field.name.as_str()).collect();
            format!("{register} {}..{} is {} in the tables", bits.msb, bits.lsb, names.join(", "))
        })
    }

    fn field_named(&self, register: &str, name: &str) -> Result<&'a Field, String> {
        let mut fields = self.fields_of(register)?.iter();
        fields
            .find(|field| field.name == name)
            .ok_or_else(|| format!("{register} has no field {name}"))
    }

    fn fields_of(&self, register: &str) -> Result<&'a [Field], String> {
        self.layout_of(register).map(|layout| layout.fields.as_slice())
    }

    fn layout_of(&self, register: &str) -> Result<&'a Layout, String> {
        let row = self.arch.registers.iter().find(|row| row.name.text == register);
        let row = row.ok_or_else(|| format!("{register}: no such row"))?;
        let layout = self.arch.layout(row, self.host);
        layout.ok_or_else(|| format!("{register}: no fields"))
    }

    /// Checks that a field has the kernel's name: but for the case, or among its other ones.
    fn check_field_name(
        &mut self,
        item: &Macro,
        register: &str,
        field: &'a Field,
    ) -> Result<(), String> {
        if item.of.eq_ignore_ascii_case(&field.name) {
            return Ok(());
        }
        let base = item.base();
        if let Some(also) = field.also.iter().find(|also| **also == base) {
            self.also.insert((&self.layout_of(register)?.name, &field.name, also));
            return Ok(());
        }
        Err(format!("Linux calls it {}, the tables {}", item.of, field.name))
    }

    /// Checks that a value has the kernel's name: but for the case, or as a known synonym.
    fn check_value_name(&mut self, item: &Macro, theirs: &str, ours: &str) -> Result<(), String> {
        if theirs.eq_ignore_ascii_case(ours) {
            return Ok(());
        }
        let base = item.base();
        match pairs(self.case.synonyms).find(|pair| *pair == (base.as_str(), ours)) {
            Some(synonym) => {
                self.synonyms.insert(synonym);
                Ok(())
            }
            None => Err(format!("Linux calls it {theirs}, the tables {ours}")),
        }
    }

    /// Counts the fields that no macro names, and lists those that are not known for it.
    fn unnamed(&self) -> (usize, Vec<String>) {
        let mut differences = Vec::new();
        let mut unnamed = BTreeSet::new();
        let registers: BTreeSet<&str> =
            self.macros.iter().flat_map(|item| item.group.registers).copied().collect();
        for register in registers {
            let Ok(fields) = self.fields_of(register) else { continue };
            let of_register = fields.iter().filter(|field| !field.kind.is_reserved());
            let missing =
                of_register.filter(|field| !self.fields.contains(&(register, &field.name)));
            unnamed.extend(missing.map(|field| (register, field.name.as_str())));
        }
        let known: BTreeSet<_> = pairs(self.case.unnamed).map(|(name, row)| (row, name)).collect();
        let new = unnamed.difference(&known);
        differences.extend(new.map(|(row, name)| format!("{row}.{name}: no macro names it")));
        let stale = known.difference(&unnamed);
        differences.extend(stale.map(|(row, name)| format!("{row}.{name}: is named: take it out")));
        (unnamed.len(), differences)
    }

    /// Lists other names of fields that no macro has.
    fn strange(&self) -> Vec<String> {
        let registers = self.macros.iter().flat_map(|item| item.group.registers);
        let layouts = registers.filter_map(|register| self.layout_of(register).ok());
        let layouts: BTreeMap<_, _> = layouts.map(|layout| (&layout.name, layout)).collect();
        let mut strange = Vec::new();
        for (layout, field) in
            layouts.values().flat_map(|of| of.fields.iter().map(move |field| (of, field)))
        {
            let is_needed =
                |also: &str| self.also.contains(&(layout.name.as_str(), field.name.as_str(), also));
            let needless =
                field.also.iter().filter(|also| !is_needed(also) && !self.is_undefined(also));
            strange.extend(needless.map(|also| {
                format!("{}.{}: Linux has no {also} there: remove it", layout.name, field.name)
            }));
        }
        strange
    }

    /// Whether there is such a macro, but not as the kernel is configured here.
    fn is_undefined(&self, name: &str) -> bool {
        self.macros.iter().any(|item| item.base() == name && item.value.is_none())
    }

    /// Lists synonyms and exceptions that no macro needs.
    fn stale(&self) -> Vec<String> {
        let case = self.case;
        let is_macro = |name: &str| self.macros.iter().any(|item| item.base() == name);
        let needless = pairs(case.synonyms).filter(|synonym| !self.synonyms.contains(synonym));
        let needless = needless.map(|(name, _)| name).filter(|name| !self.is_undefined(name));
        let needless = needless.map(|name| format!("{name}: a synonym without need: remove it"));
        let unknown = words(case.exceptions).filter(|name| !is_macro(name));
        needless.chain(unknown.map(|name| format!("{name}: no such macro"))).collect()
    }
}

/// What follows the name of a mask and an underscore in the name of another macro of its group.
fn name_after<'m>(item: &'m Macro, mask: &Macro) -> Option<&'m str> {
    let same = mask.role == Role::Mask && mask.group.prefix == item.group.prefix;
    item.of.strip_prefix(&mask.of)?.strip_prefix('_').filter(|_| same)
}

/// The value of a field that a macro gives, as a number or in place.
fn place(value: u64, bits: Piece) -> Option<u64> {
    let highest = u64::MAX >> (64 - bits.width());
    let placed = value >> bits.lsb;
    let is_placed = placed <= highest && placed << bits.lsb == value;
    (value <= highest).then_some(value).or(is_placed.then_some(placed))
}

/// The bits of a mask, where they are one run.
fn run(mask: u64) -> Option<Piece> {
    let (lsb, width) = (mask.trailing_zeros(), mask.count_ones());
    let shifted = mask.checked_shr(lsb)?;
    (shifted == u64::MAX >> (64 - width)).then(|| Piece { msb: lsb + width - 1, lsb })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_a_number_or_in_place() {
        let bits = Piece { msb: 6, lsb: 4 };
        let cases = [(0, Some(0)), (3, Some(3)), (7, Some(7)), (0x10, Some(1)), (0x70, Some(7))];
        let none = [8, 0x11, 0x80].map(|value| (value, None));
        for (value, expected) in cases.into_iter().chain(none) {
            assert_eq!(place(value, bits), expected, "{value:#x}");
        }
    }

    #[test]
    fn a_run_is_one_or_none() {
        let cases = [
            (0, None),
            (1, Some((0, 0))),
            (0x18, Some((4, 3))),
            (1 << 63, Some((63, 63))),
            (u64::MAX, Some((63, 0))),
            (0x5, None),
        ];
        for (mask, expected) in cases {
            assert_eq!(run(mask).map(|bits| (bits.msb, bits.lsb)), expected, "{mask:#x}");
        }
    }
}
