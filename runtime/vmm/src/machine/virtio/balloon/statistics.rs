//! What a guest says of its memory.

use serde_json::{Map, Value};

use super::super::chain::Chain;
use super::super::fault::GuestFault;

/// Names of the numbers, by their tags.
const NAMES: [&str; 16] = [
    "swapped_in",
    "swapped_out",
    "major_faults",
    "minor_faults",
    "free",
    "total",
    "available",
    "caches",
    "huge_pages",
    "huge_page_failures",
    "out_of_memory_kills",
    "allocation_stalls",
    "pages_scanned_in_background",
    "pages_scanned_directly",
    "pages_reclaimed_in_background",
    "pages_reclaimed_directly",
];

/// Bytes of a number with its tag.
const NUMBER: usize = 10;

/// The last number of each kind; memory is in bytes.
#[derive(Default)]
pub(super) struct Statistics([Option<u64>; NAMES.len()]);

impl Statistics {
    /// Reads what a driver gives. What has no name here is left out.
    pub(super) fn read(chain: &Chain) -> Result<Statistics, GuestFault> {
        let mut statistics = Statistics::default();
        let count = chain.readable_len() / NUMBER;
        // A driver may have more kinds than are known here, but no number of these.
        for index in 0..count.min(4 * NAMES.len()) {
            let mut number = [0; NUMBER];
            chain.read(index * NUMBER, &mut number)?;
            let [tag, tag_high, value @ ..] = number;
            let tag = u16::from_le_bytes([tag, tag_high]);
            if let Some(known) = statistics.0.get_mut(usize::from(tag)) {
                *known = Some(u64::from_le_bytes(value));
            }
        }
        Ok(statistics)
    }

    /// Returns the numbers by their names.
    pub(super) fn json(&self) -> Value {
        let named = NAMES.iter().zip(self.0);
        let known = named.filter_map(|(name, value)| Some(((*name).to_owned(), value?.into())));
        Value::Object(known.collect::<Map<_, _>>())
    }
}
