//! What a balloon is told by its user, and what is known of it: this outlives its machine.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::super::socket_file::{self, SocketFile};
use super::statistics::Statistics;
use crate::failure::Failure;
use crate::size;

/// Bytes of the pages that a balloon counts in.
pub(super) const PAGE: u64 = 4096;

/// What `--balloon` names.
pub(crate) struct Setting {
    /// How many pages the guest is to give, and how many it gives.
    target: AtomicU32,
    actual: AtomicU32,
    statistics: Mutex<Statistics>,
    /// Whether the guest may take pages back rather than kill a program.
    pub(super) gives_way: bool,
    /// Where other targets come in.
    pub(super) socket: Option<UnixDatagram>,
    /// Bytes of the guest's memory.
    memory: u64,
}

impl Setting {
    /// Opens what `--balloon` names, for a guest with so much memory: `target=SIZE`, with `,oom` and `,socket=PATH`.
    pub(in super::super) fn open(
        option: &str,
        memory: u64,
    ) -> Result<(Setting, Option<SocketFile>), Failure> {
        let wrong = |what: &str| {
            Failure::new(format!(
                "--balloon {option}: {what}, give it as target=SIZE, target=SIZE,oom or target=SIZE,oom,socket=PATH"
            ))
        };
        let rest = option.strip_prefix("target=").ok_or_else(|| wrong("there is no target"))?;
        let (rest, path) = match rest.split_once(",socket=") {
            Some((rest, path)) => (rest, Some(Path::new(path))),
            None => (rest, None),
        };
        let (size, gives_way) = match rest.strip_suffix(",oom") {
            Some(size) => (size, true),
            None => (rest, false),
        };
        let target = pages(size, memory).map_err(|why| wrong(&format!("{size}: {why}")))?;
        let (socket, file) = path.map(listen).transpose()?.unzip();
        let setting = Setting {
            target: AtomicU32::new(target),
            actual: AtomicU32::new(0),
            statistics: Mutex::default(),
            gives_way,
            socket,
            memory,
        };
        Ok((setting, file))
    }

    /// Takes the targets that have come in, and says whether there were any.
    pub(super) fn receive(&self) -> bool {
        let mut has_new = false;
        let mut text = [0; 64];
        let Some(socket) = &self.socket else { return false };
        while let Ok(length) = socket.recv(&mut text) {
            let text = String::from_utf8_lossy(text.get(..length).unwrap_or_default());
            match pages(text.trim(), self.memory) {
                Ok(target) => {
                    self.target.store(target, Ordering::Relaxed);
                    has_new = true;
                }
                Err(why) => log::warn!("the balloon keeps its target: {}: {why}", text.trim()),
            }
        }
        has_new
    }

    /// Forgets what is known of the guest.
    pub(super) fn forget(&self) {
        self.set_actual(0);
        self.set_statistics(Statistics::default());
    }

    pub(super) fn set_statistics(&self, statistics: Statistics) {
        *self.statistics.lock().unwrap_or_else(PoisonError::into_inner) = statistics;
    }

    pub(super) fn set_actual(&self, pages: u32) {
        self.actual.store(pages, Ordering::Relaxed);
    }

    /// Returns how many pages the guest is to give, and how many it gives.
    pub(super) fn pages(&self) -> [u32; 2] {
        [&self.target, &self.actual].map(|pages| pages.load(Ordering::Relaxed))
    }

    /// Returns what is known of it, in bytes.
    pub(crate) fn json(&self) -> Value {
        let [target, actual] = self.pages().map(|pages| u64::from(pages) * PAGE);
        let statistics = self.statistics.lock().unwrap_or_else(PoisonError::into_inner);
        json!({ "target": target, "actual": actual, "statistics": statistics.json() })
    }
}

/// Reads a target: whole pages, and not all that the guest has.
fn pages(text: &str, memory: u64) -> Result<u32, String> {
    let bytes = size::parse(text)?;
    match u32::try_from(bytes / PAGE) {
        Ok(pages) if bytes < memory => Ok(pages),
        _ => Err(format!("the guest has {memory} bytes of memory, and needs some")),
    }
}

fn listen(path: &Path) -> Result<(UnixDatagram, SocketFile), Failure> {
    let (socket, file) = socket_file::make(path, UnixDatagram::bind)?;
    socket.set_nonblocking(true).map_err(|error| socket_file::failure(path, &error))?;
    Ok((socket, file))
}
