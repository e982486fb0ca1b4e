//! Rows to registers: defaults applied, names resolved, numbers computed. Nothing is expanded here.

mod layouts;
mod numbers;
mod references;

use std::collections::HashSet;

use crate::diagnostics::{Finding, Place};
use crate::model::{Arch, Group, Register, Scope, low_bits};
use crate::names;
use crate::source::{
    Attributes, RawArch, RawFields, RawGroup, Row, Tables, did_you_mean, is_file_name,
};

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
    /// Registers whose `alias_of` names no register: whose id they have is not known.
    pub(crate) loose_aliases: HashSet<usize>,
    /// Whether names may be missing because a file, or the name of a row, could not be read.
    pub(crate) incomplete: bool,
}

/// Registers of one architecture at most, families expanded: far more than any has, and few enough for memory.
const MAX_REGISTERS: u32 = 65536;

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
    pub(crate) at: LayoutAt,
    /// Whether a row uses it, or meant to.
    pub(crate) used: bool,
    /// Per field: its position in the mapping of its fields.
    pub(crate) positions: Vec<usize>,
    /// Whether every field could be read.
    pub(crate) complete: bool,
}

/// Where a layout stands.
#[derive(Debug)]
pub(crate) enum LayoutAt {
    /// In a row, under `fields`.
    Row(RowAt),
    /// Under `layouts:`.
    Shared(Place),
}

impl LayoutOrigin {
    /// Its name; of a row's own layout the row's.
    pub(crate) fn name(&self) -> Place {
        match &self.at {
            LayoutAt::Row(row) => row.value("name"),
            LayoutAt::Shared(place) => place.clone().into_key(),
        }
    }

    /// Its width; of a row's own layout the row's.
    pub(crate) fn width(&self) -> Place {
        match &self.at {
            LayoutAt::Row(row) => row.value("width"),
            LayoutAt::Shared(place) => place.value("width"),
        }
    }

    /// The mapping of its fields.
    pub(crate) fn fields(&self) -> Place {
        match &self.at {
            LayoutAt::Row(row) => row.value("fields"),
            LayoutAt::Shared(place) => place.value("fields"),
        }
    }

    /// Where a field stands.
    pub(crate) fn field(&self, index: usize) -> Place {
        let fields = self.fields();
        match self.positions.get(index) {
            Some(position) => fields.entry(*position),
            None => fields,
        }
    }
}

/// Resolves the tables of one architecture.
pub(crate) fn lower(mut tables: Tables, findings: &mut Vec<Finding>) -> Lowered {
    let mut lowered =
        Lowered { model: arch(&tables), incomplete: tables.incomplete, ..Lowered::default() };
    for group in &tables.arch.groups {
        lowered.model.groups.push(lower_group(group, &tables.path));
        lowered.groups.push(group.place.clone());
    }
    let shared = tables.files.iter_mut().flat_map(|file| std::mem::take(&mut file.layouts));
    let layouts = Layouts::shared(shared, &mut lowered);
    let (mut rows, mut unreadable) = (Vec::new(), Vec::new());
    let mut count = 0u32;
    for file in &mut tables.files {
        for (index, row) in file.rows.iter_mut().enumerate() {
            let fields = row.fields.take();
            let row = &*row;
            let place = RowAt { text: file.text, row: index };
            let context = Context { raw: &tables.arch, group: file.group, row, place };
            let register = context
                .register(fields, &mut lowered, &layouts, findings)
                .filter(|register| context.is_bounded(register, &mut count, findings));
            match register {
                Some(register) => {
                    rows.push(row);
                    lowered.model.registers.push(register);
                    lowered.rows.push(place);
                }
                None => unreadable.push(row),
            }
        }
    }
    lowered.incomplete |= unreadable.iter().any(|row| row.name.is_none());
    references::resolve(&rows, &unreadable, &mut lowered, findings);
    lowered
}

fn arch(tables: &Tables) -> Arch {
    let raw = &tables.arch;
    Arch {
        name: raw.name.clone(),
        code: if raw.plain { None } else { Some(raw.code.unwrap_or(0)) },
        kernel: raw.kernel.clone(),
        doc: raw.doc.clone(),
        macros: raw.macros.clone(),
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

fn lower_group(group: &RawGroup, path: &str) -> Group {
    let folder = path.rfind('/').map_or("", |slash| &path[..=slash]);
    let base = group.base.unwrap_or(0);
    let below_base = match (group.base, &group.defaults.via) {
        // Its rows have no ids.
        (None, Some(_)) => 0,
        (None | Some(0), _) => low_bits(32),
        (Some(base), _) => low_bits(base.trailing_zeros()),
    };
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
    /// Index of its group.
    group: usize,
    row: &'a Row,
    place: RowAt,
}

impl Context<'_> {
    fn group(&self) -> &RawGroup {
        &self.raw.groups[self.group]
    }

    /// The first of row, group and architecture that says something.
    fn attribute<T>(&self, get: impl Fn(&Attributes) -> Option<&T>) -> Option<&T> {
        get(&self.row.attributes)
            .or_else(|| get(&self.group().defaults))
            .or_else(|| get(&self.raw.defaults))
    }

    /// Where the value under `key` stands that [`Context::attribute`] finds.
    fn attribute_place(&self, key: &str, has: impl Fn(&Attributes) -> bool) -> Place {
        if has(&self.row.attributes) {
            self.place.value(key)
        } else if has(&self.group().defaults) {
            self.group().place.value("defaults").value(key)
        } else {
            Place::root(0).value("defaults").value(key)
        }
    }

    fn register(
        &self,
        fields: Option<RawFields>,
        lowered: &mut Lowered,
        layouts: &Layouts,
        findings: &mut Vec<Finding>,
    ) -> Option<Register> {
        let row = self.row;
        let via = self.carrier(findings);
        let number = row
            .number
            .as_ref()
            .and_then(|number| numbers::resolve(number, self, "number", findings));
        let encoding = row
            .encoding
            .as_ref()
            .and_then(|number| numbers::resolve(number, self, "encoding", findings));
        let layout32 =
            layouts.by_name(row.layout32.as_deref(), self, "layout32", lowered, findings);
        let phase = self.phase(findings);
        let name = row.name.clone();
        let constant = name
            .as_ref()
            .map(|name| names::constant(&name.prefix, &name.suffix))
            .unwrap_or_default();
        let layout = layouts.of_row(self, fields, &constant, lowered, findings);
        let copy = |text: Option<&String>| text.cloned();
        Some(Register {
            accessor: names::method(&constant),
            constant,
            name: name?,
            group: self.group,
            width: row.width?,
            number: number?,
            stride: row.stride.unwrap_or(1),
            slices: row.slices,
            encoding,
            via: via?,
            access: self.attribute(|a| a.access.as_ref()).copied().unwrap_or_default(),
            write: self.attribute(|a| a.write.as_ref()).copied().unwrap_or_default(),
            rule: copy(self.attribute(|a| a.rule.as_ref())),
            requires: self.attribute(|a| a.requires.as_ref()).cloned().unwrap_or_default(),
            since: copy(self.attribute(|a| a.since.as_ref())),
            until: copy(self.attribute(|a| a.until.as_ref())),
            write_since: copy(self.attribute(|a| a.write_since.as_ref())),
            xlen: self.attribute(|a| a.xlen.as_ref()).copied(),
            scope: self.scope(via.flatten()),
            listed: self.attribute(|a| a.listed.as_ref()).copied().unwrap_or_default(),
            hidden: self.attribute(|a| a.hidden.as_ref()).copied().unwrap_or_default(),
            class: self.attribute(|a| a.class.as_ref()).copied().unwrap_or_default(),
            phase,
            content: match layout {
                Some(_) => None,
                None => self.attribute(|a| a.content.as_ref()).copied(),
            },
            alias_of: None,
            overlaps: Vec::new(),
            errata: self.attribute(|a| a.errata.as_ref()).cloned().unwrap_or_default(),
            layout,
            layout32,
            doc: row.doc.clone().unwrap_or_default(),
            source: copy(self.attribute(|a| a.source.as_ref())),
            row: self.place.row,
        })
    }

    /// The carrier; `None` when there should be one and is none.
    fn carrier(&self, findings: &mut Vec<Finding>) -> Option<Option<usize>> {
        let Some(name) = self.attribute(|attributes| attributes.via.as_ref()) else {
            if self.group().base.is_some() || self.raw.plain {
                return Some(None);
            }
            let finding = Finding::new("E0103", self.group().place.clone(), "missing key `base`");
            findings.push(finding.help("add `base: 0x0`, or `defaults: {via: CARRIER}`"));
            return None;
        };
        let known: Vec<_> = self.raw.carriers.iter().map(|carrier| carrier.name.as_str()).collect();
        let place = || self.attribute_place("via", |attributes| attributes.via.is_some());
        named(name, &known, ["carrier", "carriers"], place, findings).map(Some)
    }

    /// The scope; that of the carrier where nothing says otherwise.
    fn scope(&self, via: Option<usize>) -> Scope {
        let carrier = via.and_then(|via| self.raw.carriers.get(via));
        let scope = self.attribute(|attributes| attributes.scope.as_ref()).copied();
        scope.or(carrier.map(|carrier| carrier.scope)).unwrap_or_default()
    }

    fn phase(&self, findings: &mut Vec<Finding>) -> Option<usize> {
        let Some(name) = self.attribute(|attributes| attributes.phase.as_ref()) else {
            if !self.raw.phases.is_empty() && self.row.alias_of.is_none() {
                let finding = Finding::new("E0103", self.place.place(), "missing key `phase`");
                let known = self.raw.phases.join(", ");
                findings.push(finding.help(format!("one of: {known}; here or in `defaults`")));
            }
            return None;
        };
        let known: Vec<_> = self.raw.phases.iter().map(String::as_str).collect();
        let place = || self.attribute_place("phase", |attributes| attributes.phase.is_some());
        named(name, &known, ["phase", "phases"], place, findings)
    }

    /// Whether the tables may have the registers of this row too.
    fn is_bounded(
        &self,
        register: &Register,
        count: &mut u32,
        findings: &mut Vec<Finding>,
    ) -> bool {
        let before = *count;
        *count = before.saturating_add(register.name.count());
        if before <= MAX_REGISTERS && *count > MAX_REGISTERS {
            let message = format!("more than {MAX_REGISTERS} registers");
            let finding = Finding::new("E0207", self.place.value("name"), message);
            findings.push(finding.help("the rows from here on are not read"));
        }
        *count <= MAX_REGISTERS
    }
}

/// Index of `name` among the `known`; reports one that is not there.
fn named(
    name: &str,
    known: &[&str],
    [what, plural]: [&str; 2],
    place: impl FnOnce() -> Place,
    findings: &mut Vec<Finding>,
) -> Option<usize> {
    let found = known.iter().position(|known| *known == name);
    // One that could not be read is empty, and was reported.
    if found.is_none() && !name.is_empty() {
        let finding = Finding::new("E0209", place(), format!("unknown {what} `{name}`"));
        findings.push(finding.help(did_you_mean(name, known, plural)));
    }
    found
}
