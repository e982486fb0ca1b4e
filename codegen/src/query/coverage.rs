//! How much the tables say of what is in registers.

use std::fmt;

use super::Member;
use crate::model::Content;

/// How many registers are described, and how the others are said to have no fields.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Coverage {
    /// With fields.
    pub described: u32,
    /// One value as a whole.
    pub plain: u32,
    /// With fields that each implementation has its own way.
    pub implementation_defined: u32,
    /// With fields that something else describes.
    pub opaque: u32,
    /// The rest.
    pub undescribed: u32,
}

impl Coverage {
    /// Counts registers.
    pub fn of<'a>(members: impl IntoIterator<Item = Member<'a>>) -> Self {
        let mut coverage = Self::default();
        for member in members {
            let kind = match (member.layout(), member.row.content) {
                (Some(_), _) => &mut coverage.described,
                (None, Some(Content::Value)) => &mut coverage.plain,
                (None, Some(Content::ImplementationDefined)) => {
                    &mut coverage.implementation_defined
                }
                (None, Some(Content::Opaque)) => &mut coverage.opaque,
                (None, None) => &mut coverage.undescribed,
            };
            *kind += 1;
        }
        coverage
    }

    /// Returns how many there are.
    pub fn registers(&self) -> u32 {
        let others = self.plain + self.implementation_defined + self.opaque + self.undescribed;
        self.described + others
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Coverage { described, plain, implementation_defined, opaque, undescribed } = self;
        write!(
            f,
            "{described} of {} registers have fields, {plain} are plain values, {implementation_defined} \
             implementation-defined, {opaque} opaque, {undescribed} undescribed",
            self.registers()
        )
    }
}
