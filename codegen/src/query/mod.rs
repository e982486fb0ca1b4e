//! Questions to resolved tables: which registers there are on a host, which has an id, what its bits say.

mod coverage;
mod decode;
mod facts;
mod id_bits;
mod member;
mod sections;
mod topics;
mod values;

pub use coverage::Coverage;
pub use decode::{Decoded, Located, decode};
pub use facts::{Fact, attributes, bits_text, class_text, facts, number_bits_text, number_text};
pub use id_bits::{IdBits, id_pieces, number_pieces};
pub use member::{Member, Relative, all_members, home, members, row_members};
pub use sections::{Section, classes, count, phases};
pub use topics::{Topic, topics};
pub use values::{FieldValue, field_values, pieces};

use crate::names;

/// Finds the known name nearest to a misspelt one, when it is near enough to be what was meant.
pub fn nearest_name<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names::nearest(name, known)
}
