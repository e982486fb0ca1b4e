//! Registers looked up at run time.

use onereg::{Host, TABLES};

use crate::best;

pub(crate) fn run() -> Result<(), String> {
    let host = Host::new(64, 16).unwrap_or(Host::LP64);
    for table in TABLES {
        let ids: Vec<u64> = table.registers.iter().filter_map(|info| info.place.id(host)).collect();
        let names: Vec<&str> = table.names.iter().map(|(_, name, _)| *name).collect();
        let rounds = 20;
        let by_id = best::of(9, || {
            (0..rounds)
                .map(|_| ids.iter().filter(|id| table.by_id(**id).is_some()).count())
                .sum::<usize>()
        });
        let by_name = best::of(9, || {
            (0..rounds)
                .map(|_| names.iter().filter(|name| table.by_name(name).is_some()).count())
                .sum::<usize>()
        });
        let each = |time: std::time::Duration, count: usize| {
            time.as_secs_f64() * 1e9 / (rounds * count.max(1)) as f64
        };
        println!(
            "  {}: by id {:.0} ns (target: less than 50), by name {:.0} ns",
            table.name,
            each(by_id, ids.len()),
            each(by_name, names.len())
        );
    }
    Ok(())
}
