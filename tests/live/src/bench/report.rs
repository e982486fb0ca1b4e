//! What was measured: a line per configuration, number of vCPUs and work.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};

use super::measure::Figure;
use super::work::Work;
use crate::counted::Counts;

/// One configuration with a number of vCPUs.
#[derive(Debug, Clone)]
pub(super) struct Section {
    pub(super) configuration: String,
    pub(super) vcpus: u32,
    /// One for each work.
    pub(super) figures: Vec<Figure>,
    /// Numbers that are not what they must be.
    pub(super) failed: Vec<String>,
}

/// All that was measured on one host.
#[derive(Debug)]
pub(crate) struct Report {
    /// Architecture.
    pub(super) arch: &'static str,
    /// Running kernel.
    pub(super) kernel: String,
    /// How often everything was done.
    pub(super) times: u32,
    pub(super) sections: Vec<Section>,
}

impl Section {
    /// Checks a number that is the same on every machine.
    pub(super) fn check(
        &mut self,
        work: Work,
        what: &str,
        expected: usize,
        number: impl Fn(Counts) -> usize,
    ) {
        let figures = self.figures.iter().filter(|figure| figure.work == work);
        for found in figures.map(|figure| number(figure.counts)).filter(|found| *found != expected)
        {
            let Section { configuration, vcpus, .. } = &self;
            self.failed.push(format!(
                "{configuration}, {vcpus} vCPUs: {}: expected {expected} {what}, but there were {found}",
                work.name()
            ));
        }
    }

    /// Returns how many times the bare loop's time something took.
    fn ratio(&self, figure: &Figure) -> f64 {
        let bare = self.figures.iter().find(|bare| bare.work == figure.work.bare());
        let bare = bare.map_or(Duration::ZERO, |bare| bare.time);
        figure.time.as_secs_f64() / bare.as_secs_f64().max(1e-9)
    }
}

impl Report {
    /// Whether something was measured, and every number that was checked is what it must be.
    pub(crate) fn is_clean(&self) -> bool {
        self.sections.iter().all(|section| section.failed.is_empty()) && !self.sections.is_empty()
    }

    /// Writes it as text.
    pub(crate) fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
        let Report { arch, kernel, times, .. } = self;
        writeln!(
            out,
            "{arch}, Linux {kernel}, the shortest time of {times}, ratio to the bare loop"
        )?;
        let widest = self.sections.iter().map(|section| section.configuration.len());
        let widest = widest.max().unwrap_or(0).max("configuration".len());
        writeln!(
            out,
            "{:widest$} vcpus work       registers ioctls allocations        time ratio",
            "configuration"
        )?;
        for section in &self.sections {
            for figure in &section.figures {
                let Figure { work, registers, counts, time } = figure;
                let Counts { ioctls, allocations } = counts;
                writeln!(
                    out,
                    "{:widest$} {:>5} {:<10} {registers:>9} {ioctls:>6} {allocations:>11} {:>8} us {:>5.2}",
                    section.configuration,
                    section.vcpus,
                    work.name(),
                    time.as_micros(),
                    section.ratio(figure)
                )?;
            }
        }
        let failed = self.sections.iter().flat_map(|section| &section.failed);
        failed.into_iter().try_for_each(|failed| writeln!(out, "FAILED: {failed}"))
    }

    /// Writes it as JSON.
    pub(crate) fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        let sections: Vec<Value> = self.sections.iter().map(section_json).collect();
        let report = json!({
            "arch": self.arch,
            "kernel": self.kernel,
            "times": self.times,
            "clean": self.is_clean(),
            "configurations": sections,
        });
        serde_json::to_writer_pretty(&mut *out, &report)?;
        writeln!(out)
    }
}

fn section_json(section: &Section) -> Value {
    let figures = section.figures.iter().map(|figure| {
        json!({
            "work": figure.work.name(),
            "registers": figure.registers,
            "ioctls": figure.counts.ioctls,
            "allocations": figure.counts.allocations,
            "nanoseconds": figure.time.as_nanos() as u64,
            "ratio": section.ratio(figure),
        })
    });
    json!({
        "name": section.configuration,
        "vcpus": section.vcpus,
        "works": figures.collect::<Vec<_>>(),
        "failed": section.failed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let figure = |work, ioctls, allocations, millis| Figure {
            work,
            registers: 257,
            counts: Counts { ioctls, allocations },
            time: Duration::from_millis(millis),
        };
        let figures = vec![
            figure(Work::Read, 257, 0, 10),
            figure(Work::Capture, 263, 300, 13),
            figure(Work::Recapture, 257, 0, 11),
            figure(Work::Write, 240, 0, 20),
            figure(Work::Restore, 257, 60, 18),
        ];
        let section =
            Section { configuration: "plain".to_owned(), vcpus: 1, figures, failed: Vec::new() };
        Report { arch: "arm64", kernel: "7.3.4".to_owned(), times: 5, sections: vec![section] }
    }

    fn text(report: &Report) -> String {
        let mut out = Vec::new();
        report.write_text(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_work_is_compared_with_its_bare_loop() {
        let expected = "\
arm64, Linux 7.3.4, the shortest time of 5, ratio to the bare loop
configuration vcpus work       registers ioctls allocations        time ratio
plain             1 bare read        257    257           0    10000 us  1.00
plain             1 capture          257    263         300    13000 us  1.30
plain             1 recapture        257    257           0    11000 us  1.10
plain             1 bare write       257    240           0    20000 us  1.00
plain             1 restore          257    257          60    18000 us  0.90
";
        assert_eq!(text(&report()), expected);
        let mut out = Vec::new();
        report().write_json(&mut out).unwrap();
        let json: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(json["configurations"][0]["works"][2]["ratio"], 1.1);
        assert_eq!(json["clean"], true);
    }

    #[test]
    fn a_number_that_is_not_as_it_must_be_fails() {
        let mut report = report();
        let section = &mut report.sections[0];
        section.check(Work::Recapture, "allocations", 0, |counts| counts.allocations);
        assert!(section.failed.is_empty());
        section.check(Work::Recapture, "ioctls", 256, |counts| counts.ioctls);
        let failed = "FAILED: plain, 1 vCPUs: recapture: expected 256 ioctls, but there were 257\n";
        assert!(text(&report).ends_with(failed), "{}", text(&report));
        assert!(!report.is_clean());
    }

    #[test]
    fn nothing_measured_is_not_clean() {
        assert!(!Report { sections: Vec::new(), ..report() }.is_clean());
    }
}
