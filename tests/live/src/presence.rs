//! Whether a vCPU should have a register, by what its row says.

use onereg::Row;

use crate::facts::Facts;
use crate::release::Release;

/// Whether a vCPU should have a register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Presence {
    /// It should.
    Must,
    /// A condition is not known.
    May,
    /// It should not, for this reason.
    MustNot(String),
}

impl Presence {
    /// Evaluates a row: `hidden`, `since`, `until`, `xlen` and `requires`.
    pub(crate) fn of(row: &Row, facts: &Facts, release: Release) -> Presence {
        if row.hidden {
            return Presence::MustNot("`hidden: true`".to_owned());
        }
        if !release.is_within(row.since, None) {
            return Presence::MustNot(format!("`since: \"{}\"`", row.since.unwrap_or_default()));
        }
        if !release.is_within(None, row.until) {
            return Presence::MustNot(format!("`until: \"{}\"`", row.until.unwrap_or_default()));
        }
        if let Some(xlen) = row.xlen.filter(|xlen| *xlen != usize::BITS) {
            return Presence::MustNot(format!("`xlen: {xlen}`"));
        }
        let mut presence = Presence::Must;
        for condition in row.requires {
            let (asked, dates) = condition.split_once('@').unwrap_or((condition, ""));
            let (since, until) = dates.split_once("..").unwrap_or((dates, ""));
            if !release.is_within(Some(since), Some(until)) {
                continue;
            }
            match facts.evaluate(asked) {
                Some(true) => {}
                Some(false) => return Presence::MustNot(format!("`requires: \"{condition}\"`")),
                None => presence = Presence::May,
            }
        }
        presence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presence(row: Row) -> Presence {
        let mut facts = Facts::default();
        facts.note("isa", "V", true);
        facts.note("isa", "H", false);
        Presence::of(&row, &facts, Release::parse("6.12").unwrap())
    }

    fn must_not(reason: &str) -> Presence {
        Presence::MustNot(reason.to_owned())
    }

    #[test]
    fn a_row_without_conditions_must_be_there() {
        assert_eq!(presence(Row::DEFAULT), Presence::Must);
        assert_eq!(presence(Row { since: Some("6.12"), ..Row::DEFAULT }), Presence::Must);
    }

    #[test]
    fn every_reason_to_be_absent_is_named() {
        let cases = [
            (Row { hidden: true, ..Row::DEFAULT }, "`hidden: true`"),
            (Row { since: Some("7.3"), ..Row::DEFAULT }, "`since: \"7.3\"`"),
            (Row { until: Some("6.11"), ..Row::DEFAULT }, "`until: \"6.11\"`"),
            (Row { xlen: Some(128), ..Row::DEFAULT }, "`xlen: 128`"),
            (Row { requires: &["isa:V", "isa:H"], ..Row::DEFAULT }, "`requires: \"isa:H\"`"),
        ];
        for (row, reason) in cases {
            assert_eq!(presence(row), must_not(reason));
        }
    }

    #[test]
    fn an_unknown_condition_leaves_it_open_unless_another_fails() {
        assert_eq!(presence(Row { requires: &["isa:V"], ..Row::DEFAULT }), Presence::Must);
        assert_eq!(presence(Row { requires: &["host:X", "isa:V"], ..Row::DEFAULT }), Presence::May);
        let row = Row { requires: &["host:X", "isa:H"], ..Row::DEFAULT };
        assert_eq!(presence(row), must_not("`requires: \"isa:H\"`"));
    }

    #[test]
    fn a_condition_may_be_younger_or_older_than_the_kernel() {
        let young = Row { requires: &["isa:H@6.13"], ..Row::DEFAULT };
        assert_eq!(presence(young), Presence::Must);
        let old = Row { requires: &["isa:H@6.12"], ..Row::DEFAULT };
        assert_eq!(presence(old), must_not("`requires: \"isa:H@6.12\"`"));
        let gone = Row { requires: &["isa:H@..6.11"], ..Row::DEFAULT };
        assert_eq!(presence(gone), Presence::Must);
        let still = Row { requires: &["isa:H@..6.12"], ..Row::DEFAULT };
        assert_eq!(presence(still), must_not("`requires: \"isa:H@..6.12\"`"));
    }
}
