//! The registers of an architecture in sections: by phase of a restore, and by class of state.

use super::class_text;
use crate::model::{Arch, Class, Register};

/// Rows that have something in common, at least one.
#[derive(Debug)]
pub struct Section<'a> {
    /// What they have in common.
    pub title: String,
    /// The rows, in the order of the tables.
    pub rows: Vec<&'a Register>,
}

impl<'a> Section<'a> {
    fn of(arch: &'a Arch, title: String, is_meant: impl Fn(&Register) -> bool) -> Option<Self> {
        let rows: Vec<_> = arch.registers.iter().filter(|row| is_meant(row)).collect();
        (!rows.is_empty()).then_some(Section { title, rows })
    }

    /// Says how many registers the rows are of.
    pub fn size(&self) -> String {
        match count(self.rows.iter().copied()) {
            1 => "1 register".to_owned(),
            count => format!("{count} registers"),
        }
    }
}

/// Counts the registers that rows are of.
pub fn count<'a>(rows: impl IntoIterator<Item = &'a Register>) -> u64 {
    rows.into_iter().map(|row| u64::from(row.name.count())).sum()
}

/// Lists the phases that a register is of, in the order of a restore, each with its index.
pub fn phases(arch: &Arch) -> impl Iterator<Item = (usize, Section<'_>)> {
    arch.phases.iter().enumerate().filter_map(move |(index, phase)| {
        let title = format!("{}. {phase}", index + 1);
        Some((index, Section::of(arch, title, |row| row.phase == Some(index))?))
    })
}

/// Lists the classes that a register is of.
pub fn classes(arch: &Arch) -> impl Iterator<Item = (Class, Section<'_>)> {
    Class::WORDS.iter().filter_map(move |(_, class)| {
        let title = class_text(*class).to_owned();
        Some((*class, Section::of(arch, title, |row| row.class == *class)?))
    })
}
