//! Programs in emulated hosts with a real `/dev/kvm`: every architecture, on an older kernel and on the newest.

use std::fs;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use onereg_tests::command::line;
use onereg_tests::hosts::{self, RECORDED, Recorded};
use serde_json::Value;

use crate::Context;

/// One run of the lab.
struct Run {
    /// The host.
    arch: &'static str,
    /// The kernel; the newest where none is named.
    kernel: Option<&'static str>,
    /// What makes it another machine than the lab's own.
    machine: &'static [&'static str],
    /// More options of `cargo lab`.
    options: &'static [&'static str],
    /// The program and its arguments.
    program: &'static [&'static str],
    /// More arguments of it with `--long`.
    long: &'static [&'static str],
    /// Exit status of a run that passes.
    status: i32,
    /// Looks at the program's stdout, and says in a few words what it shows.
    check: fn(&[u8]) -> Result<String, String>,
}

/// The older kernel: the long-term release of Debian 13.
const OLDER: Option<&str> = Some("6.12");

const PROBE: &[&str] = &["onereg-vmm", "probe", "--format", "json"];

/// The same of a vCPU with EL2, which only a host that is told so offers.
const PROBE_EL2: &[&str] =
    &["onereg-vmm", "probe", "--features", "pmu,sve,ptrauth,el2", "--format", "json"];

const EL2: &[&str] = &["--append", "kvm-arm.mode=nested"];

/// A machine of riscv where KVM has no interrupt controllers.
const NO_AIA: &[&str] = &["--machine", "aia=none", "--cpu", "rv64,h=true"];

const SAMPLE: &str = "target/lab-sample";

const WITH_SAMPLE: &[&str] = &["--file", "target/lab-sample:/sample"];

const BRIEF_WITH_SAMPLE: &[&str] = &["--file", "target/lab-sample:/sample", "--timeout", "30"];

/// Status of a program that SIGABRT ended.
const ABORTED: i32 = 134;

const RUNS: &[Run] = &[
    probe("arm64", None),
    Run { options: EL2, program: PROBE_EL2, ..probe("arm64", None) },
    probe("arm64", OLDER),
    probe("x86", None),
    probe("x86", OLDER),
    probe("riscv", None),
    probe("riscv", OLDER),
    probe("powerpc", None),
    probe("powerpc", OLDER),
    live("arm64", None),
    Run { options: EL2, ..live("arm64", None) },
    live("arm64", OLDER),
    live("x86", None),
    live("x86", OLDER),
    live("riscv", None),
    live("riscv", OLDER),
    live("powerpc", None),
    live("powerpc", OLDER),
    state("arm64"),
    state("x86"),
    state("riscv"),
    state("powerpc"),
    bench("arm64"),
    bench("x86"),
    bench("riscv"),
    bench("powerpc"),
    boots("arm64", None),
    boots("arm64", OLDER),
    boots("x86", None),
    boots("x86", OLDER),
    boots("riscv", None),
    boots("riscv", OLDER),
    Run {
        machine: NO_AIA,
        program: &["onereg-lab-boots", "keep", "cpus"],
        check: has_booted_with_plic,
        ..boots("riscv", None)
    },
    compare("x86"),
    copy(&["onereg-lab-copy", "/sample", "7"], WITH_SAMPLE, 7),
    copy(&["onereg-lab-copy", "/sample", "abort"], WITH_SAMPLE, ABORTED),
    copy(&["onereg-lab-copy", "/sample", "hang"], BRIEF_WITH_SAMPLE, TIME_OUT),
];

/// More runs with `--long`.
const LONG_RUNS: &[Run] = &[compare("arm64"), compare("riscv")];

/// Status of `cargo lab` where no suite has the kernel that is named.
const NO_KERNEL: i32 = 123;

/// Status of `cargo lab` where the program does not end in time.
const TIME_OUT: i32 = 124;

/// How many hosts run at a time.
const AT_A_TIME: usize = 2;

const fn probe(arch: &'static str, kernel: Option<&'static str>) -> Run {
    Run {
        arch,
        kernel,
        machine: &[],
        options: &[],
        program: PROBE,
        long: &[],
        status: 0,
        check: has_registers,
    }
}

/// The tables against the kernel.
const fn live(arch: &'static str, kernel: Option<&'static str>) -> Run {
    Run { program: &["onereg-live"], check: is_proven, ..probe(arch, kernel) }
}

/// Complete states, carried to another process, where a guest goes on.
const fn state(arch: &'static str) -> Run {
    Run { program: &["onereg-live", "state"], ..live(arch, None) }
}

/// What complete states cost. Times only tell: what fails are numbers of ioctls and allocations.
const fn bench(arch: &'static str) -> Run {
    Run {
        options: &["--smp", "2"],
        program: &["onereg-live", "bench"],
        long: &["--times", "50"],
        check: has_ratios,
        ..probe(arch, None)
    }
}

/// The host's own kernel as a guest of the VMM, in several ways.
const fn boots(arch: &'static str, kernel: Option<&'static str>) -> Run {
    let options = &[
        "--also",
        "onereg-vmm",
        "--also",
        "onereg-lab-move",
        "--guest",
        "--memory",
        "2G",
        "--timeout",
        "900",
    ];
    let program = &["onereg-lab-boots"];
    Run { options, program, check: has_booted, ..probe(arch, kernel) }
}

/// The VMM against QEMU, with the host's own kernel as the guest. Its figures only tell.
const fn compare(arch: &'static str) -> Run {
    let options =
        &["--also", "onereg-vmm", "--guest", "--qemu", "--memory", "2G", "--timeout", "900"];
    let program = &["onereg-lab-bench"];
    Run { options, program, long: &["5"], check: has_compared, ..probe(arch, None) }
}

/// A copy of the sample by the lab's own program, which then ends as its second argument says.
const fn copy(
    program: &'static [&'static str],
    options: &'static [&'static str],
    status: i32,
) -> Run {
    Run { options, program, status, check: is_sample, ..probe("arm64", None) }
}

/// Runs everything and reports each; a kernel that is named and cannot be had is reported, and fails nothing.
pub(crate) fn check(context: &Context) -> Result<String, String> {
    fs::write(SAMPLE, sample()).map_err(|error| format!("cannot write {SAMPLE}: {error}"))?;
    let runs: Vec<_> = RUNS.iter().chain(if context.long { LONG_RUNS } else { &[] }).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut reports = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let report = match (runs.get(index), RECORDED.get(index.wrapping_sub(runs.len()))) {
                (Some(run), _) => run.report(context),
                (None, Some(host)) => judge(host, context),
                (None, None) => return reports,
            };
            reports.push((index, report));
        }
    };
    let mut reports: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    reports.sort_by_key(|(index, _)| *index);
    let count = runs.len() + RECORDED.len();
    let passed = reports.len() == count && reports.iter().all(|(_, report)| report.is_ok());
    let texts = reports.into_iter().map(|(_, report)| report.unwrap_or_else(|error| error));
    let text = texts.collect::<Vec<_>>().join("\n");
    if passed { Ok(text) } else { Err(text) }
}

impl Run {
    /// Runs it, and says in a line what it shows.
    fn report(&self, context: &Context) -> Result<String, String> {
        let mut lab = Command::new("cargo");
        lab.args(["lab", self.arch]).args(self.machine).args(self.options);
        lab.args(self.kernel.iter().flat_map(|kernel| ["--kernel", kernel]));
        lab.args(context.install.then_some("--install"));
        lab.arg("--").args(self.program);
        lab.args(if context.long { self.long } else { &[] });
        report(lab, self.kernel, self.status, self.check)
    }
}

/// Has a recorded host judge every state of its architecture, and compares with what is listed of it.
fn judge(host: &Recorded, context: &Context) -> Result<String, String> {
    let mut lab = host.lab();
    let mut files = Vec::new();
    for state in hosts::of(host.arch).map(Recorded::state) {
        let file = format!("/states/{}", state.file_name().unwrap_or_default().display());
        lab.args(["--file", &format!("{}:{file}", state.display())]);
        files.push(file);
    }
    lab.args(context.install.then_some("--install"));
    lab.args(["--", "onereg-live", "judge"]).args(&files);
    let listing = hosts::verdicts(host.arch);
    let listed = fs::read_to_string(&listing)
        .map_err(|error| format!("cannot read {}: {error}", listing.display()))?;
    let section = section(&listed, host.name).unwrap_or_default();
    report(lab, host.kernel, 0, |output| {
        if output != section.as_bytes() {
            let said = String::from_utf8_lossy(output);
            let changed = said.lines().find(|line| !section.lines().any(|known| known == *line));
            return Err(format!(
                "the host is no longer as it is recorded: {}: `cargo run -p onereg-tests --bin record {}` records it",
                changed.unwrap_or("verdicts are missing"),
                host.arch
            ));
        }
        let verdicts = section.lines().filter(|line| !line.starts_with(' '));
        Ok(format!("{} verdicts on {} are what happens", verdicts.count(), host.name))
    })
}

/// Takes the section of a host from a listing of verdicts.
fn section<'l>(listing: &'l str, name: &str) -> Option<&'l str> {
    let (_, rest) = listing.split_once(&format!("on {name}\n"))?;
    Some(rest.find("\non ").map_or(rest, |end| &rest[..=end]))
}

/// Runs the lab, and says in a line what it shows.
fn report(
    mut lab: Command,
    kernel: Option<&str>,
    status: i32,
    check: impl Fn(&[u8]) -> Result<String, String>,
) -> Result<String, String> {
    let start = Instant::now();
    let output = lab.output().map_err(|error| format!("cannot run `{}`: {error}", line(&lab)))?;
    let seconds = start.elapsed().as_secs_f64();
    let said = |output: &Output| String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
    let line = line(&lab);
    match output.status.code() {
        Some(code) if code == status => match check(&output.stdout) {
            Ok(shown) => Ok(format!("`{line}`: {shown}, {seconds:.1} s")),
            Err(error) => Err(format!("`{line}`: {error}\n{}", said(&output))),
        },
        Some(NO_KERNEL) if kernel.is_some() => Ok(format!("`{line}`: not run\n{}", said(&output))),
        _ => Err(format!(
            "`{line}`: {}, not {status}\n{}\n{}",
            output.status,
            findings(&output.stdout),
            said(&output)
        )),
    }
}

/// Takes from a report the lines that say what failed, and what the VMM then said.
fn findings(output: &[u8]) -> String {
    let report = String::from_utf8_lossy(output);
    let says = |line: &&str| {
        line.starts_with("FAILED") || line.contains("UNKNOWN_") || line.starts_with("onereg-vmm: ")
    };
    report.lines().filter(says).collect::<Vec<_>>().join("\n")
}

/// A profile of the host has registers, all of which a table has.
fn has_registers(output: &[u8]) -> Result<String, String> {
    let profile: Value =
        serde_json::from_slice(output).map_err(|error| format!("no profile on stdout: {error}"))?;
    let kernel = profile["kernel"].as_str().unwrap_or("without a name");
    let registers = profile["registers"].as_array().map_or(0, Vec::len);
    if registers == 0 {
        return Err("the profile has no registers".to_owned());
    }
    Ok(format!("Linux {kernel}, {registers} registers"))
}

/// A report has a line of totals under its headings, and says in the first one what it is of.
fn is_proven(output: &[u8]) -> Result<String, String> {
    let report = String::from_utf8_lossy(output);
    let words = |start| {
        let line = report.lines().find(|line: &&str| line.starts_with(start));
        line.map(|line| line.split_whitespace().skip(1).collect::<Vec<_>>())
    };
    let host = report.lines().next().unwrap_or_default();
    let (Some(headings), Some(totals)) = (words("configuration"), words("total")) else {
        return Err("the report has no totals".to_owned());
    };
    let counts = headings.iter().zip(&totals).map(|(heading, total)| format!("{total} {heading}"));
    Ok(format!("{host}: {}", counts.collect::<Vec<_>>().join(", ")))
}

/// A report compares captures and restores with bare loops of ioctls.
fn has_ratios(output: &[u8]) -> Result<String, String> {
    let report = String::from_utf8_lossy(output);
    let host = report.lines().next().unwrap_or_default();
    let ratio = |line: &str| match line.split_whitespace().collect::<Vec<_>>().as_slice() {
        [name @ .., vcpus, work @ ("recapture" | "restore"), _, _, _, _, "us", ratio] => {
            Some(format!("{} x {vcpus} {work} {ratio}", name.join(" ")))
        }
        _ => None,
    };
    let ratios: Vec<String> = report.lines().filter_map(ratio).collect();
    if ratios.is_empty() {
        return Err("the report has no ratios".to_owned());
    }
    Ok(format!("{host}: {}", ratios.join(", ")))
}

/// A report has a line for every boot that ended as it should.
fn has_booted(output: &[u8]) -> Result<String, String> {
    let report = String::from_utf8_lossy(output);
    match report.lines().count() {
        0 => Err("nothing has booted".to_owned()),
        count => Ok(format!(
            "{count} boots, the first with {}",
            report.lines().next().unwrap_or_default()
        )),
    }
}

/// Likewise, and every guest had the interrupt controller of the VMM.
fn has_booted_with_plic(output: &[u8]) -> Result<String, String> {
    let report = String::from_utf8_lossy(output);
    match report.lines().find(|line| !line.contains(", sifive,plic-1.0.0 ")) {
        None => has_booted(output),
        Some(line) => Err(format!("the guest has no PLIC: {line}")),
    }
}

/// A report has a ratio of every figure.
fn has_compared(output: &[u8]) -> Result<String, String> {
    let report = String::from_utf8_lossy(output);
    let mut lines = report.lines();
    let heading = lines.next().unwrap_or_default();
    let ratio = |line: &str| match line.split_whitespace().collect::<Vec<_>>().as_slice() {
        [name @ .., _, _, ratio] => Some(format!("{} {ratio}", name.join(" "))),
        _ => None,
    };
    let ratios: Vec<String> = lines.filter_map(ratio).collect();
    if ratios.is_empty() {
        return Err("the report has no ratios".to_owned());
    }
    let (of, _) = heading.split_once("  ").unwrap_or((heading, ""));
    Ok(format!("of QEMU's on {of}: {}", ratios.join("; ")))
}

fn is_sample(output: &[u8]) -> Result<String, String> {
    if output != sample() {
        return Err(format!("stdout is not the sample: {} bytes", output.len()));
    }
    Ok(format!("{} bytes as they were", output.len()))
}

/// Every byte, in every order that a terminal or a line buffer could change, and more than a buffer holds.
fn sample() -> Vec<u8> {
    (0..300_000_u32).map(|index| (index ^ (index >> 8)).to_le_bytes()[0]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_those_of_recaptures_and_restores() {
        let report = "\
x86, Linux 7.3.4, the shortest time of 5, ratio to the bare loop
configuration vcpus work       registers ioctls allocations        time ratio
lapic, synic      1 bare read        582    582           0     2073 us  1.00
lapic, synic      1 recapture        584     14           0      312 us  0.15
lapic, synic      4 restore         2336    116         626     4338 us  0.24
";
        let shown = "x86, Linux 7.3.4, the shortest time of 5, ratio to the bare loop: \
                     lapic, synic x 1 recapture 0.15, lapic, synic x 4 restore 0.24";
        assert_eq!(has_ratios(report.as_bytes()).as_deref(), Ok(shown));
        assert!(has_ratios(b"x86, Linux 7.3.4\n").is_err());
    }

    #[test]
    fn every_figure_has_its_ratio() {
        let report = "\
x86_64, the least of 1                                 onereg-vmm       QEMU ratio
start of the program to init, ms (target: 1.00)            4764.6     6872.3  0.69
to read it, ms                                             1384.3     2080.5  0.67
";
        let shown = "of QEMU's on x86_64, the least of 1: \
                     start of the program to init, ms (target: 1.00) 0.69; to read it, ms 0.67";
        assert_eq!(has_compared(report.as_bytes()).as_deref(), Ok(shown));
        assert!(has_compared(b"x86_64, the least of 1\n").is_err());
    }
}
