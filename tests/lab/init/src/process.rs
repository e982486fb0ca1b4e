//! A VMM that runs, as the system sees it.

use std::fs;
use std::io::{BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

/// How the names of threads begin that run vCPUs, here and in QEMU.
const VCPUS: [&str; 2] = ["vcpu", "CPU "];

/// How long it may print nothing: an emulated host is slow.
const PATIENCE: Duration = Duration::from_secs(240);

/// What the times of processes count, of a second.
const TICKS: u64 = 100;

/// A running program; it ends when this is dropped.
pub struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: Receiver<u8>,
}

impl Process {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// Names the program that cannot run.
    pub fn start(program: &mut Command) -> Result<Process, String> {
        program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let child = program.spawn();
        let mut child = child.map_err(|error| format!("cannot run {program:?}: {error}"))?;
        let output = child.stdout.take().ok_or("the program has no output")?;
        let (sender, bytes) = mpsc::channel();
        thread::spawn(move || {
            // It ends with the program, or when nobody waits any more.
            let bytes = BufReader::new(output).bytes().map_while(Result::ok);
            let _ = bytes.map(|byte| sender.send(byte)).find(Result::is_err);
        });
        Ok(Process { input: child.stdin.take(), child, output: bytes })
    }

    /// Writes to its input.
    ///
    /// # Errors
    ///
    /// Says that it takes none.
    pub fn write(&mut self, text: &str) -> Result<(), String> {
        let input = self.input.as_mut().ok_or("the program has no input")?;
        input.write_all(text.as_bytes()).map_err(|error| format!("a program's input: {error}"))
    }

    /// Reads its output up to a byte.
    ///
    /// # Errors
    ///
    /// Says that the output ends, or that there is none for a long time.
    pub fn wait_for(&self, end: u8) -> Result<(), String> {
        while self.byte()? != end {}
        Ok(())
    }

    /// Reads its output up to the end of a line, which is left out.
    ///
    /// # Errors
    ///
    /// Those of [`Self::wait_for`].
    pub fn line(&self) -> Result<String, String> {
        let mut line = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => return Ok(String::from_utf8_lossy(&line).trim_end().to_owned()),
                byte => line.push(byte),
            }
        }
    }

    /// Reads a number and the end of its line.
    ///
    /// # Errors
    ///
    /// Those of [`Self::wait_for`].
    pub fn number(&self) -> Result<u32, String> {
        let number = u32::from_le_bytes([self.byte()?, self.byte()?, self.byte()?, self.byte()?]);
        self.wait_for(b'\n').map(|()| number)
    }

    fn byte(&self) -> Result<u8, String> {
        let byte = self.output.recv_timeout(PATIENCE);
        byte.map_err(|error| format!("a program's output ends before the guest's does: {error}"))
    }

    /// Returns the time of the processor that its threads had: all of them, and those that run no vCPU.
    ///
    /// # Errors
    ///
    /// Says that the kernel does not count it.
    pub fn processor(&self) -> Result<[Duration; 2], String> {
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

    /// Returns the time of the processor that it had outside the kernel and the guest, as the kernel's ticks found it.
    ///
    /// # Errors
    ///
    /// Says that the kernel does not count it.
    pub fn user(&self) -> Result<Duration, String> {
        let path = self.path("stat");
        let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        // The name in parentheses is the second field.
        let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split(' ').collect();
        let field = |number: usize| fields.get(number - 2)?.parse::<u64>().ok();
        let user = field(14).zip(field(43)).map(|(user, guest)| user.saturating_sub(guest));
        let user = user.ok_or_else(|| format!("{path}: {text}"))?;
        Ok(Duration::from_millis(user * 1000 / TICKS))
    }

    /// Returns how many bytes are in memory outside the mapping with the guest's, which has that many.
    ///
    /// # Errors
    ///
    /// Says that there is no such mapping.
    pub fn overhead(&self, guest: u64) -> Result<u64, String> {
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
