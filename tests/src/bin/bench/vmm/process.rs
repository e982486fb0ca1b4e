//! A VMM that runs, as the system sees it.

use std::fs;
use std::io::{BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use onereg_tests::command::line;

/// How the names of threads begin that run vCPUs, here and in QEMU.
const VCPUS: [&str; 2] = ["vcpu", "CPU "];

/// How long it may print nothing.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running program; it ends when this is dropped.
pub(super) struct Process {
    child: Child,
    output: Receiver<u8>,
}

impl Process {
    pub(super) fn start(program: &mut Command) -> Result<Process, String> {
        program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let child = program.spawn();
        let mut child =
            child.map_err(|error| format!("cannot run `{}`: {error}", line(program)))?;
        let output = child.stdout.take().ok_or("the program has no output")?;
        let (sender, bytes) = mpsc::channel();
        thread::spawn(move || {
            // It ends with the program, or when nobody waits any more.
            let bytes = BufReader::new(output).bytes().map_while(Result::ok);
            let _ = bytes.map(|byte| sender.send(byte)).find(Result::is_err);
        });
        Ok(Process { child, output: bytes })
    }

    /// Reads its output up to a byte.
    pub(super) fn wait_for(&self, end: u8) -> Result<(), String> {
        while self.byte()? != end {}
        Ok(())
    }

    /// Reads a number and the end of its line.
    pub(super) fn number(&self) -> Result<u32, String> {
        let number = u32::from_le_bytes([self.byte()?, self.byte()?, self.byte()?, self.byte()?]);
        self.wait_for(b'\n').map(|()| number)
    }

    fn byte(&self) -> Result<u8, String> {
        let byte = self.output.recv_timeout(PATIENCE);
        byte.map_err(|error| format!("a program's output ends before the guest's does: {error}"))
    }

    /// Returns the time of the processor that its threads had: all of them, and those that run no vCPU.
    pub(super) fn processor(&self) -> Result<[Duration; 2], String> {
        let folder = self.path("task");
        let threads = fs::read_dir(&folder).map_err(|error| format!("{folder}: {error}"))?;
        let [mut all, mut beside] = [Duration::ZERO; 2];
        for thread in threads.flatten() {
            // A thread that has just ended has no files.
            let read = |name| fs::read_to_string(thread.path().join(name)).unwrap_or_default();
            let times = read("schedstat");
            let time = times.split_whitespace().next().and_then(|time| time.parse().ok());
            let time = Duration::from_nanos(time.unwrap_or_default());
            all += time;
            if !VCPUS.iter().any(|name| read("comm").starts_with(name)) {
                beside += time;
            }
        }
        match all {
            Duration::ZERO => Err(format!("{folder}: the kernel counts no times of threads")),
            all => Ok([all, beside]),
        }
    }

    /// Returns how many bytes are in memory outside the mapping with the guest's, which has that many.
    pub(super) fn overhead(&self, guest: u64) -> Result<u64, String> {
        let path = self.path("smaps");
        let maps = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        let value = |line: &str, name: &str| {
            let kibibytes = line.strip_prefix(name)?.trim().strip_suffix(" kB")?;
            kibibytes.parse::<u64>().ok().map(|kibibytes| kibibytes << 10)
        };
        let (mut size, mut overhead, mut found) = (0, 0, false);
        for line in maps.lines() {
            size = value(line, "Size:").unwrap_or(size);
            match value(line, "Rss:") {
                Some(_) if size >= guest => found = true,
                resident => overhead += resident.unwrap_or_default(),
            }
        }
        if found { Ok(overhead) } else { Err(format!("{path}: the guest's memory is not there")) }
    }

    fn path(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.child.id())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already where it failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
