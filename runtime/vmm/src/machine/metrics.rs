//! `--metrics`: counts while a guest runs, one JSON object a line.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::bus::Devices;
use super::confine::{self, Role};
use super::vcpu::VmExit;
use super::virtio::Balloon;
use crate::failure::Failure;

/// How often a line is written.
const INTERVAL: Duration = Duration::from_secs(1);

/// Why a vCPU left the guest, and how often.
#[derive(Default)]
pub(super) struct Exits([AtomicU64; KINDS.len()]);

const KINDS: [&str; 4] = ["write", "read", "signal", "other"];

impl Exits {
    /// Counts an exit.
    pub(super) fn count(&self, exit: &VmExit) {
        let kind = match exit {
            VmExit::Write { .. } => 0,
            VmExit::Read => 1,
            VmExit::Interrupted => 2,
            _ => 3,
        };
        self.0[kind].fetch_add(1, Ordering::Relaxed);
    }

    fn json(&self) -> Value {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed).into());
        Value::Object(KINDS.map(ToOwned::to_owned).into_iter().zip(counts).collect::<Map<_, _>>())
    }
}

/// Accesses to a device, and the bytes that they carried.
#[derive(Default)]
pub(super) struct Accesses {
    reads: AtomicU64,
    writes: AtomicU64,
    bytes: AtomicU64,
}

impl Accesses {
    /// Counts a read.
    pub(super) fn read(&self, data: &[u8]) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(data.len() as u64, Ordering::Relaxed);
    }

    /// Counts a write.
    pub(super) fn write(&self, data: &[u8]) {
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(data.len() as u64, Ordering::Relaxed);
    }

    pub(super) fn json(&self) -> Value {
        let [reads, writes, bytes] =
            [&self.reads, &self.writes, &self.bytes].map(|count| count.load(Ordering::Relaxed));
        json!({ "reads": reads, "writes": writes, "bytes": bytes })
    }
}

/// What is counted of a machine.
pub(super) struct Counted {
    pub(super) devices: Arc<Devices>,
    /// By vCPU.
    pub(super) exits: Vec<Arc<Exits>>,
}

/// A file of metrics, which gets a line every second, and one when this is dropped.
pub(super) struct Metrics {
    shared: Arc<Shared>,
    /// Dropped first: it ends the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    start: Instant,
    file: Mutex<File>,
    memory: u64,
    /// What the system says of this process, where it does.
    status: Option<File>,
    /// The present machine, and how many there were: a restart makes a new one.
    machine: Mutex<(u64, Option<Counted>)>,
    balloon: OnceLock<Arc<Balloon>>,
}

impl Metrics {
    /// Opens the file, for a guest with that much memory.
    pub(super) fn start(path: &Path, memory: u64) -> Result<Metrics, Failure> {
        let failed = |what: &str, error: io::Error| {
            Failure::new(format!("cannot {what} the metrics {}: {error}", path.display()))
        };
        let file = File::create(path).map_err(|error| failed("open", error))?;
        let shared = Arc::new(Shared {
            start: Instant::now(),
            file: Mutex::new(file),
            memory,
            status: File::open("/proc/self/status").ok(),
            machine: Mutex::new((0, None)),
            balloon: OnceLock::new(),
        });
        let (stop, stopped) = mpsc::channel::<()>();
        let writer = Arc::clone(&shared);
        let write = move || {
            confine::enter(Role::Metrics);
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(INTERVAL) {
                writer.write();
            }
            writer.write();
        };
        let thread = thread::Builder::new().name("metrics".to_owned()).spawn(write);
        let thread = thread.map_err(|error| failed("start the thread of", error))?;
        Ok(Metrics { shared, stop: Some(stop), thread: Some(thread) })
    }

    /// Tells of a balloon, too.
    pub(super) fn watch_balloon(&self, balloon: Arc<Balloon>) {
        // There is one in a run.
        let _ = self.shared.balloon.set(balloon);
    }

    /// Counts a machine, in the place of the one before.
    pub(super) fn watch(&self, counted: Counted) {
        let mut machine = self.shared.machine.lock().unwrap_or_else(PoisonError::into_inner);
        *machine = (machine.0 + 1, Some(counted));
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A thread that panicked has said so.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Shared {
    fn write(&self) {
        let line = self.json().to_string() + "\n";
        let written =
            self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
        if let Err(error) = written {
            log::warn!("cannot write the metrics: {error}");
        }
    }

    fn json(&self) -> Value {
        let machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        let (exits, devices) = match &machine.1 {
            Some(counted) => (
                counted.exits.iter().map(|exits| exits.json()).collect(),
                counted.devices.accesses(),
            ),
            None => (Vec::new(), Vec::new()),
        };
        json!({
            "seconds": self.start.elapsed().as_secs_f64(),
            "machine": machine.0,
            "memory": { "guest": self.memory, "resident": self.resident() },
            "balloon": self.balloon.get().map(|balloon| balloon.json()),
            "vcpus": exits,
            "devices": devices,
        })
    }

    /// Returns how many bytes of the process are in memory, where the system says so.
    fn resident(&self) -> Option<u64> {
        let mut status = [0; 4096];
        let length = self.status.as_ref()?.read_at(&mut status, 0).ok()?;
        let status = String::from_utf8_lossy(status.get(..length)?);
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kilobytes * 1024)
    }
}
