//! What was found: counts and findings per configuration, and over all of them.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde_json::{Value, json};

/// A check that failed, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Register, or what else was checked.
    pub(crate) subject: String,
    /// Id, where it has one.
    pub(crate) id: Option<u64>,
    /// What was tried and what should have happened.
    pub(crate) expected: String,
    /// What happened.
    pub(crate) happened: String,
    /// What to do.
    pub(crate) remedy: &'static str,
}

/// A register that no table has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Unknown {
    /// Group whose file the row belongs to; `None` where no group has the id.
    pub(crate) group: Option<&'static str>,
    /// Id.
    pub(crate) id: u64,
    /// Row ready to paste.
    pub(crate) row: String,
}

/// What became of the registers, by name; those that no table has by id.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    /// Listed by the kernel.
    pub(crate) listed: BTreeSet<String>,
    /// Listed, and in the table with that width.
    pub(crate) known: BTreeSet<String>,
    /// Read.
    pub(crate) read: BTreeSet<String>,
    /// Took their own value back.
    pub(crate) written: BTreeSet<String>,
    /// Refused an access, as the table says.
    pub(crate) refused: BTreeSet<String>,
    /// In the table, and not on this vCPU.
    pub(crate) absent: BTreeSet<String>,
    /// Should be listed and are not.
    pub(crate) missing: BTreeSet<String>,
    /// Listed, and in no table.
    pub(crate) unknown: BTreeSet<String>,
}

impl Tally {
    const HEADINGS: [&str; 8] =
        ["listed", "known", "read", "written", "refused", "absent", "missing", "unknown"];

    fn counts(&self) -> [usize; 8] {
        self.sets().map(BTreeSet::len)
    }

    fn sets(&self) -> [&BTreeSet<String>; 8] {
        let Tally { listed, known, read, written, refused, absent, missing, unknown } = self;
        [listed, known, read, written, refused, absent, missing, unknown]
    }

    fn add(&mut self, other: &Tally) {
        let Tally { listed, known, read, written, refused, absent, missing, unknown } = self;
        let mine = [listed, known, read, written, refused, absent, missing, unknown];
        for (mine, other) in mine.into_iter().zip(other.sets()) {
            mine.extend(other.iter().cloned());
        }
    }

    fn json(&self) -> Value {
        let counts = Tally::HEADINGS.iter().zip(self.counts());
        counts.map(|(heading, count)| ((*heading).to_owned(), Value::from(count))).collect()
    }
}

/// One configuration of a vCPU.
#[derive(Debug, Clone, Default)]
pub(crate) struct Section {
    /// Its name.
    pub(crate) name: String,
    /// What became of the registers.
    pub(crate) tally: Tally,
    /// Checks that passed.
    pub(crate) passed: usize,
    /// Checks that failed.
    pub(crate) findings: Vec<Finding>,
    /// Registers that no table has.
    pub(crate) unknown: Vec<Unknown>,
    /// What could not be checked, and why.
    pub(crate) notes: Vec<String>,
}

/// All configurations of one host.
#[derive(Debug)]
pub(crate) struct Report {
    /// Architecture.
    pub(crate) arch: &'static str,
    /// Running kernel.
    pub(crate) kernel: String,
    /// Newest kernel of the table.
    pub(crate) table: &'static str,
    /// One for each configuration.
    pub(crate) sections: Vec<Section>,
}

impl Report {
    /// Whether every check passed and no register is unknown.
    pub(crate) fn is_clean(&self) -> bool {
        self.sections.iter().all(|section| section.findings.is_empty())
            && self.unknown().is_empty()
            && !self.sections.is_empty()
    }

    /// Registers of all configurations: each counts once.
    fn total(&self) -> Tally {
        let mut total = Tally::default();
        self.sections.iter().for_each(|section| total.add(&section.tally));
        // Absent from some configurations is not absent from the host.
        let Tally { absent, read, refused, .. } = &mut total;
        absent.retain(|name| !read.contains(name) && !refused.contains(name));
        total
    }

    fn unknown(&self) -> BTreeSet<&Unknown> {
        self.sections.iter().flat_map(|section| &section.unknown).collect()
    }

    /// Writes it as text.
    pub(crate) fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{}, Linux {}, tables of Linux {}", self.arch, self.kernel, self.table)?;
        let widest = self.sections.iter().map(|section| section.name.len());
        let widest = widest.max().unwrap_or(0).max("configuration".len());
        write!(out, "{:widest$}", "configuration")?;
        for heading in Tally::HEADINGS.iter().chain(&["passed", "failed"]) {
            write!(out, " {heading:>8}")?;
        }
        writeln!(out)?;
        for section in &self.sections {
            write_counts(
                out,
                (&section.name, widest),
                &section.tally,
                (section.passed, section.findings.len()),
            )?;
        }
        let sums = (
            self.sections.iter().map(|section| section.passed).sum(),
            self.sections.iter().map(|section| section.findings.len()).sum(),
        );
        write_counts(out, ("total", widest), &self.total(), sums)?;
        for section in &self.sections {
            for note in &section.notes {
                writeln!(out, "note: {}: {note}", section.name)?;
            }
        }
        for section in &self.sections {
            for finding in &section.findings {
                writeln!(out, "FAILED: {}: {}", section.name, line(finding))?;
            }
        }
        for Unknown { group, row, .. } in self.unknown() {
            match group {
                Some(group) => writeln!(out, "unknown, for the file of group {group}:")?,
                None => writeln!(out, "unknown, and no group has its id:")?,
            }
            writeln!(out, "{row}")?;
        }
        Ok(())
    }

    /// Writes it as JSON.
    pub(crate) fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        let sections: Vec<Value> = self.sections.iter().map(section_json).collect();
        let unknown = self.unknown();
        let unknown: Vec<Value> = unknown.iter().map(|unknown| unknown_json(unknown)).collect();
        let total = self.total();
        let report = json!({
            "arch": self.arch,
            "kernel": self.kernel,
            "table": self.table,
            "clean": self.is_clean(),
            "total": total.json(),
            "absent": total.absent,
            "configurations": sections,
            "unknown": unknown,
        });
        serde_json::to_writer_pretty(&mut *out, &report)?;
        writeln!(out)
    }
}

fn write_counts(
    out: &mut impl Write,
    (name, widest): (&str, usize),
    tally: &Tally,
    (passed, failed): (usize, usize),
) -> io::Result<()> {
    write!(out, "{name:widest$}")?;
    for count in tally.counts().into_iter().chain([passed, failed]) {
        write!(out, " {count:>8}")?;
    }
    writeln!(out)
}

/// Writes a finding: what, where, what to do.
fn line(finding: &Finding) -> String {
    let id = finding.id.map(|id| format!(" ({id:#018x})")).unwrap_or_default();
    let Finding { subject, expected, happened, remedy, .. } = finding;
    format!("{subject}{id}: expected {expected}, but {happened}; {remedy}")
}

fn section_json(section: &Section) -> Value {
    let findings = section.findings.iter().map(|finding| {
        json!({
            "register": finding.subject,
            "id": finding.id.map(|id| format!("{id:#018x}")),
            "expected": finding.expected,
            "happened": finding.happened,
            "remedy": finding.remedy,
        })
    });
    json!({
        "name": section.name,
        "counts": section.tally.json(),
        "passed": section.passed,
        "failed": findings.collect::<Vec<_>>(),
        "notes": section.notes,
    })
}

fn unknown_json(unknown: &Unknown) -> Value {
    json!({"id": format!("{:#018x}", unknown.id), "group": unknown.group, "row": unknown.row})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(name: &str, read: &[&str], absent: &[&str]) -> Section {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let tally = Tally {
            listed: names(read),
            known: names(read),
            read: names(read),
            absent: names(absent),
            ..Tally::default()
        };
        Section { name: name.to_owned(), tally, passed: read.len(), ..Section::default() }
    }

    fn report() -> Report {
        let sections =
            vec![section("plain", &["PC"], &["FFR"]), section("sve", &["PC", "FFR"], &[])];
        Report { arch: "arm64", kernel: "7.3.4".to_owned(), table: "7.3", sections }
    }

    fn text(report: &Report) -> String {
        let mut out = Vec::new();
        report.write_text(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_total_counts_each_register_once() {
        let report = report();
        assert!(report.is_clean());
        let expected = "\
arm64, Linux 7.3.4, tables of Linux 7.3
configuration   listed    known     read  written  refused   absent  missing  unknown   passed   failed
plain                1        1        1        0        0        1        0        0        1        0
sve                  2        2        2        0        0        0        0        0        2        0
total                2        2        2        0        0        0        0        0        3        0
";
        assert_eq!(text(&report), expected);
    }

    #[test]
    fn a_failed_check_is_one_line() {
        let mut report = report();
        report.sections[1].findings.push(Finding {
            subject: "FFR".to_owned(),
            id: Some(0x6050_0000_0015_0600),
            expected: "KVM_GET_ONE_REG to be accepted".to_owned(),
            happened: "EPERM (1)".to_owned(),
            remedy: "correct the row",
        });
        assert!(!report.is_clean());
        let last = "FAILED: sve: FFR (0x6050000000150600): expected KVM_GET_ONE_REG to be accepted, but EPERM (1); correct the row\n";
        assert!(text(&report).ends_with(last), "{}", text(&report));
    }

    #[test]
    fn an_unknown_register_is_printed_once_and_fails() {
        let mut report = report();
        let unknown = Unknown { group: Some("fw"), id: 1, row: "  - {name: UNKNOWN_1}".to_owned() };
        report.sections.iter_mut().for_each(|section| section.unknown.push(unknown.clone()));
        assert!(!report.is_clean());
        let last = "unknown, for the file of group fw:\n  - {name: UNKNOWN_1}\n";
        assert_eq!(text(&report).matches(last).count(), 1);
    }

    #[test]
    fn nothing_checked_is_not_clean() {
        assert!(!Report { sections: Vec::new(), ..report() }.is_clean());
    }

    #[test]
    fn json_has_the_same_counts() {
        let mut out = Vec::new();
        report().write_json(&mut out).unwrap();
        let json: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(json["total"]["read"], 2);
        assert_eq!(json["configurations"][0]["counts"]["absent"], 1);
        assert_eq!(json["clean"], true);
    }
}
