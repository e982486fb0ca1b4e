//! What became of the states: counts and differences per configuration.

use std::io::{self, Write};

use serde_json::{Value, json};

/// A register that differs, or a step that failed.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    /// Order of the restore: 0 is the table's.
    pub(super) order: Option<u64>,
    /// Register, or what else failed.
    pub(super) subject: String,
    /// Id, where it has one.
    pub(super) id: Option<u64>,
    /// Both values, and the fields that differ.
    pub(super) text: String,
}

impl Finding {
    /// Says why a state did not arrive.
    pub(super) fn of_step(text: String) -> Finding {
        Finding { order: None, subject: "configuration".to_owned(), id: None, text }
    }
}

/// One configuration of a vCPU.
#[derive(Debug, Clone, Default)]
pub(crate) struct Section {
    /// Its name.
    pub(super) name: String,
    /// Registers of the state.
    pub(super) captured: usize,
    /// Registers that took a value before.
    pub(super) filled: usize,
    /// Registers that took none.
    pub(super) kept: usize,
    /// Registers that a restore wrote.
    pub(super) written: usize,
    /// Registers that had their value before it.
    pub(super) same: usize,
    /// Registers that the guest looked at.
    pub(super) guest: usize,
    /// What differs.
    pub(super) findings: Vec<Finding>,
}

const HEADINGS: [&str; 7] = ["captured", "filled", "kept", "written", "same", "guest", "different"];

impl Section {
    fn counts(&self) -> [usize; 7] {
        let Section { captured, filled, kept, written, same, guest, findings, .. } = self;
        [*captured, *filled, *kept, *written, *same, *guest, findings.len()]
    }
}

/// All configurations of one host.
#[derive(Debug)]
pub(crate) struct Report {
    /// Architecture.
    pub(super) arch: &'static str,
    /// Running kernel.
    pub(super) kernel: String,
    /// Newest kernel of the table.
    pub(super) table: &'static str,
    /// One for each configuration.
    pub(super) sections: Vec<Section>,
}

impl Report {
    /// Whether every state arrived as it was.
    pub(crate) fn is_clean(&self) -> bool {
        self.sections.iter().all(|section| section.findings.is_empty()) && !self.sections.is_empty()
    }

    /// Counts of all configurations together.
    fn total(&self) -> [usize; 7] {
        let mut total = [0; 7];
        for counts in self.sections.iter().map(Section::counts) {
            total.iter_mut().zip(counts).for_each(|(total, count)| *total += count);
        }
        total
    }

    /// Writes it as text.
    pub(crate) fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{}, Linux {}, tables of Linux {}", self.arch, self.kernel, self.table)?;
        let widest = self.sections.iter().map(|section| section.name.len());
        let widest = widest.max().unwrap_or(0).max("configuration".len());
        write!(out, "{:widest$}", "configuration")?;
        HEADINGS.iter().try_for_each(|heading| write!(out, " {heading:>9}"))?;
        writeln!(out)?;
        let rows = self.sections.iter().map(|section| (section.name.as_str(), section.counts()));
        for (name, counts) in rows.chain([("total", self.total())]) {
            write!(out, "{name:widest$}")?;
            counts.iter().try_for_each(|count| write!(out, " {count:>9}"))?;
            writeln!(out)?;
        }
        for section in &self.sections {
            for Finding { order, text, .. } in &section.findings {
                let order = order.map(|order| format!("order {order}: ")).unwrap_or_default();
                writeln!(out, "FAILED: {}: {order}{text}", section.name)?;
            }
        }
        Ok(())
    }

    /// Writes it as JSON.
    pub(crate) fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        let sections: Vec<Value> = self.sections.iter().map(section_json).collect();
        let report = json!({
            "arch": self.arch,
            "kernel": self.kernel,
            "table": self.table,
            "clean": self.is_clean(),
            "total": counts_json(self.total()),
            "configurations": sections,
        });
        serde_json::to_writer_pretty(&mut *out, &report)?;
        writeln!(out)
    }
}

fn counts_json(counts: [usize; 7]) -> Value {
    let counts = HEADINGS.iter().zip(counts);
    counts.map(|(heading, count)| ((*heading).to_owned(), Value::from(count))).collect()
}

fn section_json(section: &Section) -> Value {
    let failed = section.findings.iter().map(|finding| {
        json!({
            "order": finding.order,
            "register": finding.subject,
            "id": finding.id.map(|id| format!("{id:#018x}")),
            "happened": finding.text,
        })
    });
    json!({
        "name": section.name,
        "counts": counts_json(section.counts()),
        "failed": failed.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let section = Section {
            name: "plain".to_owned(),
            captured: 3,
            filled: 2,
            written: 2,
            same: 1,
            guest: 2,
            ..Section::default()
        };
        let sections = vec![section.clone(), Section { name: "sve".to_owned(), ..section }];
        Report { arch: "arm64", kernel: "7.3.4".to_owned(), table: "7.3", sections }
    }

    #[test]
    fn counts_are_a_table() {
        let mut out = Vec::new();
        assert!(report().is_clean());
        report().write_text(&mut out).unwrap();
        let expected = "\
arm64, Linux 7.3.4, tables of Linux 7.3
configuration  captured    filled      kept   written      same     guest different
plain                 3         2         0         2         1         2         0
sve                   3         2         0         2         1         2         0
total                 6         4         0         4         2         4         0
";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn a_difference_fails_and_says_in_which_order() {
        let mut report = report();
        report.sections[1].findings.push(Finding {
            order: Some(2),
            subject: "PC".to_owned(),
            id: Some(1),
            text: "PC: 0x1 -> 0x2".to_owned(),
        });
        assert!(!report.is_clean());
        let mut out = Vec::new();
        report.write_text(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.ends_with("FAILED: sve: order 2: PC: 0x1 -> 0x2\n"), "{text}");
        let mut out = Vec::new();
        report.write_json(&mut out).unwrap();
        let json: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(json["total"]["different"], 1);
        assert_eq!(json["configurations"][1]["failed"][0]["order"], 2);
    }

    #[test]
    fn nothing_carried_is_not_clean() {
        assert!(!Report { sections: Vec::new(), ..report() }.is_clean());
    }
}
