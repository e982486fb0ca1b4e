//! The way of a state to another process and back.

use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use onereg::{StateFile, VcpuState};

use crate::failure::Failure;
use crate::guest::Seen;

/// A state in a file, which is removed in the end.
pub(super) struct Carrier<'a> {
    file: PathBuf,
    kvm: &'a Path,
    configuration: &'a str,
}

/// What came back.
pub(super) struct Carried {
    /// What the other vCPU holds.
    pub(super) state: VcpuState,
    /// How many registers the restore wrote.
    pub(super) written: usize,
    /// How many it found to have their value already.
    pub(super) same: usize,
    /// What the guest saw there; nothing where it did not go on.
    pub(super) seen: Seen,
}

impl<'a> Carrier<'a> {
    /// Writes the file.
    pub(super) fn new(
        state: &[u8],
        kvm: &'a Path,
        configuration: &'a str,
    ) -> Result<Carrier<'a>, Failure> {
        let file = env::temp_dir().join(format!("onereg-live-{}", process::id()));
        // Never through a link that somebody else has put there.
        let created = File::options().write(true).create_new(true).open(&file);
        let carrier = Carrier { file, kvm, configuration };
        let written = created.and_then(|mut file| file.write_all(state));
        written.map_err(Failure::step("write the file of the state"))?;
        Ok(carrier)
    }

    /// Has another process restore the state in one of the orders, but for what is to be lost, and takes what it captured;
    /// there the guest goes on, where it is to.
    pub(super) fn carry(
        &self,
        order: u64,
        goes_on: bool,
        lost: &[String],
    ) -> Result<Carried, Failure> {
        let program = env::current_exe().map_err(Failure::step("find the own program"))?;
        let mut other = Command::new(program);
        other.arg("--kvm").arg(self.kvm).arg("restore").arg(&self.file);
        other.args([self.configuration, &order.to_string()]);
        other.args(goes_on.then_some("--go-on"));
        other.args(lost.iter().flat_map(|register| ["--lose", register]));
        let output = other.output().map_err(Failure::step("start another process"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.trim_start_matches("onereg-live: ").trim_end();
            return Err(Failure::new(format!("order {order}: {}: {said}", output.status)));
        }
        parse(&output.stdout)
            .ok_or_else(|| Failure::new(format!("order {order}: no state came back")))
    }
}

impl Drop for Carrier<'_> {
    fn drop(&mut self) {
        // Nothing can be done about a file that stays.
        let _ = fs::remove_file(&self.file);
    }
}

/// Takes apart what the other process wrote: a line of counts, what the guest saw, and a file.
fn parse(output: &[u8]) -> Option<Carried> {
    let end = output.iter().position(|byte| *byte == b'\n')?;
    let (counts, rest) = output.split_at(end);
    let mut counts = std::str::from_utf8(counts).ok()?.split(' ').map(str::parse);
    let mut count = || counts.next()?.ok();
    let (written, same, seen): (usize, usize, usize) = (count()?, count()?, count()?);
    let (seen, file) = rest.get(1..)?.split_at_checked(seen)?;
    let state = StateFile::from_bytes(file).ok()?.vcpus.pop()?;
    Some(Carried { state, written, same, seen: Seen::from_bytes(seen)? })
}
