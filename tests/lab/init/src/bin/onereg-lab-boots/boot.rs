//! One run of the VMM, and the verdict on it.

use std::fs::OpenOptions;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use onereg_lab_init::{END, GUEST, GUEST_INITRAMFS, GUEST_KERNEL, HOST_ADDRESS, network, system};

use crate::beside::Beside;

/// One run of the VMM.
pub(crate) struct Boot {
    /// The program, which has the options of the VMM.
    pub(crate) program: &'static str,
    /// Number of vCPUs, all of which the guest has to bring online.
    pub(crate) cpus: u16,
    /// Memory of the guest in MiB, nearly all of which it has to find.
    pub(crate) memory: u64,
    /// The kernel's console.
    pub(crate) console: &'static str,
    /// More options of the VMM, between spaces.
    pub(crate) options: &'static str,
    /// How the guest is to end, and more of its command line.
    pub(crate) end: &'static str,
    /// The disk that becomes empty once the guest's first process runs.
    pub(crate) shrinks: Option<&'static str>,
    /// What is typed once the guest's first process runs.
    pub(crate) typed: &'static str,
    /// What the host does beside.
    pub(crate) beside: Option<fn() -> Result<Beside, String>>,
    /// Lines of the guest's first process before the VMM gets a Ctrl-C.
    pub(crate) stop_after: Option<usize>,
    /// Exit status of the VMM.
    pub(crate) status: i32,
    /// What the VMM has to print: to stdout and to stderr.
    pub(crate) says: [&'static str; 2],
}

/// Tap device of the guests with a network interface.
const TAP: &str = "guest";

/// Exit status after a crash of the guest.
const CRASHED: i32 = 3;

/// The dump of a guest that crashes.
const DUMP: &str = "/crash.state";

/// How long a run may take.
const PATIENCE: Duration = Duration::from_secs(240);

impl Boot {
    /// Runs the VMM and returns the first line of the guest's init, or what is wrong.
    pub(crate) fn run(&self) -> Result<String, String> {
        // Debian's kernels of arm64 set 64 MiB aside for devices, whatever there is: 128 MiB are too few then.
        let cmdline = format!("console={} quiet cma=0 {END}{}", self.console, self.end);
        let mut command = Command::new(self.program);
        command.args(["run", "--kernel", GUEST_KERNEL, "--initrd", GUEST_INITRAMFS]);
        command.args(["--cpus", &self.cpus.to_string(), "--memory", &format!("{}M", self.memory)]);
        command.args(["--cmdline", &cmdline]).args(self.options.split_whitespace());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let beside = self.beside.map(|start| start()).transpose()?;
        let mut vmm = command.spawn().map_err(|error| format!("cannot run the VMM: {error}"))?;
        let watched = self.watch(&mut vmm).map_err(|error| format!("cannot watch: {error}"));
        // It has ended already, unless something failed.
        let _ = vmm.kill();
        let status = vmm.wait().map_err(|error| format!("cannot wait: {error}"))?;
        let mut errors = String::new();
        if let Some(mut stderr) = vmm.stderr.take() {
            stderr.read_to_string(&mut errors).map_err(|error| error.to_string())?;
        }
        let output = watched?;
        let said = format!("stdout:\n{output}\nstderr:\n{errors}");
        if status.code() != Some(self.status) {
            return Err(format!("{status}, not {}\n{said}", self.status));
        }
        if let Some(Err(why)) = beside.map(Beside::end) {
            return Err(format!("{why}\n{said}"));
        }
        let first = output.lines().find(|line| line.starts_with(GUEST)).unwrap_or_default();
        let online = match self.cpus {
            1 => "CPUs 0,".to_owned(),
            count => format!("CPUs 0-{},", count - 1),
        };
        if first.contains("year 1970") {
            return Err(format!("the guest does not know the time\n{said}"));
        }
        if memory_in(first).is_none_or(|found| found < self.least_memory()) {
            return Err(format!("the guest does not find its memory\n{said}"));
        }
        let [on_stdout, on_stderr] = self.says;
        if !output.contains(on_stdout) || !errors.contains(on_stderr) || !first.contains(&online) {
            return Err(format!("it does not say what it should\n{said}"));
        }
        if self.status == CRASHED {
            self.check_report(&errors).map_err(|why| format!("{why}\n{said}"))?;
        }
        Ok(first.trim_start_matches(GUEST).to_owned())
    }

    /// Returns how much memory in kB the guest has at least beside its kernel: more than it would find below a hole.
    fn least_memory(&self) -> u64 {
        (self.memory * 1024 * 5 / 6).saturating_sub(64 * 1024)
    }

    /// Looks for what the VMM has to say of every vCPU of a guest that crashed, and holds it against the dump, if any.
    fn check_report(&self, errors: &str) -> Result<(), String> {
        for index in 0..self.cpus {
            let head = format!("vCPU {index} at 0x");
            let line = errors.lines().find(|line| line.starts_with(&head));
            if !line.is_some_and(|line| line.contains(", where memory has ")) {
                return Err(format!("the instruction of vCPU {index} is not shown"));
            }
        }
        if !self.options.contains(DUMP) {
            return Ok(());
        }
        let shown = Command::new("/bin/onereg-vmm").args(["state", "show", DUMP]).output();
        let shown = shown.map_err(|error| format!("cannot show the dump: {error}"))?;
        let shown = String::from_utf8_lossy(&shown.stdout);
        let mut registers = errors.lines().filter(|line| line.starts_with("  "));
        match registers.find(|line| !shown.lines().any(|other| other == *line)) {
            None => Ok(()),
            Some(line) => Err(format!("the dump does not have `{line}`")),
        }
    }

    /// Reads what the guest prints until the VMM closes its output, and types and stops as the run says.
    fn watch(&self, vmm: &mut Child) -> io::Result<String> {
        let (sender, lines) = mpsc::channel();
        let output = vmm.stdout.take();
        thread::spawn(move || {
            for line in output.into_iter().flat_map(|output| BufReader::new(output).split(b'\n')) {
                // Nobody listens any more after a time-out.
                let Ok(()) = sender.send(line) else { return };
            }
        });
        let (mut output, mut seen, deadline) = (String::new(), 0, Instant::now() + PATIENCE);
        let mut input = vmm.stdin.take();
        while let Ok(line) = lines.recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            let line = String::from_utf8_lossy(&line?).into_owned();
            if line.starts_with(GUEST) {
                seen += 1;
                if let Some(mut input) = input.take() {
                    if self.options.contains("--net") {
                        network::set_address(TAP, HOST_ADDRESS)?;
                    }
                    if let Some(disk) = self.shrinks {
                        OpenOptions::new().write(true).open(disk)?.set_len(0)?;
                    }
                    input.write_all(self.typed.as_bytes())?;
                }
                if Some(seen) == self.stop_after {
                    system::interrupt(vmm.id())?;
                }
            }
            output.extend([line.trim_end_matches('\r'), "\n"]);
        }
        Ok(output)
    }
}

/// Reads how much memory in kB the guest's init says that it has.
fn memory_in(line: &str) -> Option<u64> {
    let (_, found) = line.split_once(", memory ")?;
    found.split_once(" kB")?.0.parse().ok()
}
