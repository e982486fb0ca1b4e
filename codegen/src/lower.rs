//! Rows to registers: defaults applied, names resolved, numbers computed. Nothing is expanded here.

mod layouts;
mod numbers;

use std::collections::{HashMap, HashSet};

use crate::diagnostics::{Finding, Place};
use crate::model::{Arch, Group, Register, low_bits};
use crate::names;
use crate::source::{GroupFile, RawArch, RawGroup, Row, Tables, did_you_mean, is_file_name};

use self::layouts::Layouts;

/// The model, and where its parts come from.
#[derive(Debug, Default)]
pub(crate) struct Lowered {
    pub(crate) model: Arch,
    /// Per register: its row.
    pub(crate) rows: Vec<RowAt>,
    /// Per layout: its fields.
    pub(crate) layouts: Vec<LayoutOrigin>,
    /// Per group: its place in `arch.yaml`.
    pub(crate) groups: Vec<Place>,
    /// Whether names may be missing because a file, or a row, could not be read.
    pub(crate) incomplete: bool,
}

/// Where a row stands: its path is made only when there is something to report.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowAt {
    text: usize,
    row: usize,
}

impl RowAt {
    /// The row.
    pub(crate) fn place(self) -> Place {
        Place::root(self.text).value("registers").item(self.row)
    }

    /// The value of `key` in the row.
    pub(crate) fn value(self, key: &str) -> Place {
        self.place().value(key)
    }
}

/// Where a layout comes from.
#[derive(Debug)]
pub(crate) struct LayoutOrigin {
    /// The mapping of its fields.
    pub(crate) place: Place,
    /// Per field: its position in that mapping.
    pub(crate) positions: Vec<usize>,
    /// Whether every field could be read.
    pub(crate) complete: bool,
}

impl LayoutOrigin {
    /// Where a field stands.
    pub(crate) fn field(&self, index: usize) -> Place {
        self.positions
            .get(index)
            .map_or_else(|| self.place.clone(), |position| self.place.entry(*position))
    }
}

/// Resolves the tables of one architecture.
pub(crate) fn lower(tables: &Tables, findings: &mut Vec<Finding>) -> Lowered {
    let raw = &tables.arch;
    let mut lowered =
        Lowered { model: arch(raw, tables), incomplete: tables.incomplete, ..Lowered::default() };
    for group in &raw.groups {
        lowered.model.groups.push(lower_group(group, tables));
        lowered.groups.push(group.place.clone());
    }
    let mut layouts = Layouts::shared(tables, &mut lowered, findings);
    let mut references = Vec::new();
    for file in &tables.files {
        for (index, row) in file.rows.iter().enumerate() {
            let place = RowAt { text: file.text, row: index };
            let context = Context { raw, file, row, place };
            match context.register(index, &mut lowered, &mut layouts, findings) {
                Some(register) => {
                    references.push(row);
                    lowered.model.registers.push(register);
                    lowered.rows.push(place);
                }
                None => lowered.incomplete = true,
            }
        }
    }
    resolve_references(&references, &mut lowered, findings);
    lowered
}

fn arch(raw: &RawArch, tables: &Tables) -> Arch {
    Arch {
        name: raw.name.clone(),
        code: if raw.plain { None } else { Some(raw.code.unwrap_or(0)) },
        kernel: raw.kernel.clone(),
        doc: raw.doc.clone(),
        verified: raw.verified.clone(),
        one_reg: raw.one_reg.clone(),
        reg_list: raw.reg_list.clone(),
        phases: raw.phases.clone(),
        errors: raw.errors.clone(),
        carriers: raw.carriers.clone(),
        file: tables.path.clone(),
        ..Arch::default()
    }
}

fn lower_group(group: &RawGroup, tables: &Tables) -> Group {
    let folder = tables.path.rfind('/').map_or("", |slash| &tables.path[..=slash]);
    let base = group.base.unwrap_or(0);
    let below_base = if base == 0 { low_bits(32) } else { low_bits(base.trailing_zeros()) };
    Group {
        name: group.name.clone(),
        file: if is_file_name(&group.file) {
            format!("{folder}{}", group.file)
        } else {
            group.file.clone()
        },
        base,
        mask: group.mask.unwrap_or(below_base),
        parts: group.parts.clone(),
        doc: group.doc.clone(),
    }
}

/// One row and what it inherits.
struct Context<'a> {
    raw: &'a RawArch,
    file: &'a GroupFile,
    row: &'a Row,
    place: RowAt,
}

impl Context<'_> {
    fn group(&self) -> &RawGroup {
        &self.raw.groups[self.file.group]
    }

    /// The first of row, group and architecture that says something.
    fn attribute<T>(&self, get: impl Fn(&crate::source::Attributes) -> Option<&T>) -> Option<&T> {
        get(&self.row.attributes)
            .or_else(|| get(&self.group().defaults))
            .or_else(|| get(&self.raw.defaults))
    }

    fn register(
        &self,
        index: usize,
        lowered: &mut Lowered,
        layouts: &mut Layouts,
        findings: &mut Vec<Finding>,
    ) -> Option<Register> {
        let row = self.row;
        let name = row.name.clone()?;
        let constant = names::constant(&name.prefix, &name.suffix);
        if row.doc.is_none() && self.row.alias_of.is_none() {
            let finding = Finding::new("E0103", self.place.place(), "missing key `doc`");
            findings
                .push(finding.help("add `doc: \"...\"`: one line that says what the register is"));
        }
        let via = self.carrier(findings);
        let number = row
            .number
            .as_ref()
            .and_then(|number| numbers::resolve(number, self, "number", findings));
        let encoding = row
            .encoding
            .as_ref()
            .and_then(|number| numbers::resolve(number, self, "encoding", findings));
        let layout = layouts.of_row(self, &constant, lowered, findings);
        let phase = self.phase(findings);
        let copy = |text: Option<&String>| text.cloned();
        Some(Register {
            accessor: names::method(&constant),
            constant,
            name,
            group: self.file.group,
            width: row.width?,
            number: number?,
            stride: row.stride.unwrap_or(1),
            slices: row.slices,
            encoding,
            via,
            access: self.attribute(|a| a.access.as_ref()).copied().unwrap_or_default(),
            write: self.attribute(|a| a.write.as_ref()).copied().unwrap_or_default(),
            rule: copy(self.attribute(|a| a.rule.as_ref())),
            requires: self.attribute(|a| a.requires.as_ref()).cloned().unwrap_or_default(),
            since: copy(self.attribute(|a| a.since.as_ref())),
            until: copy(self.attribute(|a| a.until.as_ref())),
            xlen: self.attribute(|a| a.xlen.as_ref()).copied(),
            scope: self.attribute(|a| a.scope.as_ref()).copied().unwrap_or_default(),
            listed: self.attribute(|a| a.listed.as_ref()).copied().unwrap_or_default(),
            hidden: self.attribute(|a| a.hidden.as_ref()).copied().unwrap_or_default(),
            class: self.attribute(|a| a.class.as_ref()).copied().unwrap_or_default(),
            phase,
            alias_of: None,
            overlaps: Vec::new(),
            errata: self.attribute(|a| a.errata.as_ref()).cloned().unwrap_or_default(),
            layout,
            layout32: layouts.by_name(row.layout32.as_deref(), self, "layout32", findings),
            doc: row.doc.clone().unwrap_or_default(),
            source: copy(self.attribute(|a| a.source.as_ref())),
            row: index,
        })
    }

    fn carrier(&self, findings: &mut Vec<Finding>) -> Option<usize> {
        let Some(via) = self.attribute(|attributes| attributes.via.as_ref()) else {
            if self.group().base.is_none() && !self.raw.plain {
                let finding =
                    Finding::new("E0103", self.group().place.clone(), "missing key `base`");
                findings.push(finding.help("add `base: 0x0`, or `defaults: {via: CARRIER}`"));
            }
            return None;
        };
        let found = self.raw.carriers.iter().position(|carrier| carrier.name == *via);
        if found.is_none() {
            let known: Vec<_> =
                self.raw.carriers.iter().map(|carrier| carrier.name.as_str()).collect();
            let place = match self.row.attributes.via {
                Some(_) => self.place.value("via"),
                None => self.group().place.value("defaults").value("via"),
            };
            let finding = Finding::new("E0209", place, format!("unknown carrier `{via}`"));
            findings.push(finding.help(did_you_mean(via, &known, "carriers")));
        }
        found
    }

    fn phase(&self, findings: &mut Vec<Finding>) -> Option<usize> {
        let Some(phase) = self.attribute(|attributes| attributes.phase.as_ref()) else {
            if !self.raw.phases.is_empty() && self.row.alias_of.is_none() {
                let finding = Finding::new("E0103", self.place.place(), "missing key `phase`");
                let known = self.raw.phases.join(", ");
                findings.push(finding.help(format!("one of: {known}; here or in `defaults`")));
            }
            return None;
        };
        let found = self.raw.phases.iter().position(|known| known == phase);
        if found.is_none() {
            let known: Vec<_> = self.raw.phases.iter().map(String::as_str).collect();
            let place = match self.row.attributes.phase {
                Some(_) => self.place.value("phase"),
                None => self.group().place.clone(),
            };
            let finding = Finding::new("E0209", place, format!("unknown phase `{phase}`"));
            findings.push(finding.help(did_you_mean(phase, &known, "phases")));
        }
        found
    }
}

/// Resolves `alias_of` and `overlaps` once every register is known.
fn resolve_references(rows: &[&Row], lowered: &mut Lowered, findings: &mut Vec<Finding>) {
    if rows.iter().all(|row| row.alias_of.is_none() && row.overlaps.is_empty()) {
        return;
    }
    let mut known = HashMap::new();
    let mut families = HashSet::new();
    for (index, register) in lowered.model.registers.iter().enumerate() {
        known.entry(register.name.text.clone()).or_insert(index);
        if register.name.family.is_some() {
            known.entry(register.constant.clone()).or_insert(index);
            families.insert(index);
        }
    }
    for &family in &families {
        let name = lowered.model.registers[family].name.clone();
        for member in 0..name.count() {
            known.entry(name.member(member)).or_insert(family);
        }
    }
    for (index, row) in rows.iter().enumerate() {
        let place = lowered.rows[index];
        let mut find = |name: &String, key: &str| {
            let found = known.get(name).copied().filter(|found| *found != index);
            if found.is_none() && !lowered.incomplete {
                let names: Vec<_> = known.keys().map(String::as_str).collect();
                let nearest = names::nearest(name, names);
                let mut finding =
                    Finding::new("E0209", place.value(key), format!("unknown register `{name}`"));
                if let Some(nearest) = nearest {
                    finding = finding.help(format!("did you mean `{nearest}`?"));
                }
                findings.push(finding);
            }
            found
        };
        let alias_of = row.alias_of.as_ref().and_then(|name| find(name, "alias_of"));
        let overlaps = row.overlaps.iter().filter_map(|name| find(name, "overlaps")).collect();
        let register = &mut lowered.model.registers[index];
        register.alias_of = alias_of;
        register.overlaps = overlaps;
        if let Some(target) = alias_of {
            inherit(index, target, &mut lowered.model);
        }
    }
}

/// Gives an alias what its row leaves to the register it names.
fn inherit(alias: usize, target: usize, model: &mut Arch) {
    let target = model.registers[target].clone();
    let alias = &mut model.registers[alias];
    alias.layout = alias.layout.or(target.layout);
    alias.layout32 = alias.layout32.or(target.layout32);
    alias.phase = alias.phase.or(target.phase);
    if alias.doc.is_empty() {
        alias.doc = format!("Another name of {}", target.name.text);
    }
}
