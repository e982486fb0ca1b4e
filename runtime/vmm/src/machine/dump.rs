//! `run --dump`: the state of every vCPU as a file.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use onereg::StateFile;

use super::vcpu::Vcpu;
use super::vm::Vm;
use crate::failure::Failure;
use crate::probe;

/// Where the states go.
pub(super) struct Dump {
    path: PathBuf,
    file: File,
    /// The release of the host's kernel.
    release: String,
}

impl Dump {
    /// Opens the file, which keeps what it has until there are states.
    pub(super) fn open(path: &Path) -> Result<Dump, Failure> {
        let opened = File::options().write(true).create(true).truncate(false).open(path);
        let file = opened.map_err(|error| {
            Failure::new(format!("cannot open the dump {}: {error}", path.display()))
        })?;
        Ok(Dump { path: path.to_owned(), file, release: probe::kernel_release()? })
    }

    /// Writes the state of all `count` vCPUs; where the guest failed too, what is wrong with the dump comes first.
    pub(super) fn write<T, E>(
        &self,
        vm: &Vm,
        vcpus: &[Vcpu],
        count: u16,
        guest: &Result<T, E>,
    ) -> Result<(), Failure> {
        match (self.try_write(vm, vcpus, count), guest) {
            (Err(failure), Err(_)) => {
                let _ = writeln!(io::stderr(), "onereg-vmm: {failure}");
                Ok(())
            }
            (result, _) => result,
        }
    }

    fn try_write(&self, vm: &Vm, vcpus: &[Vcpu], count: u16) -> Result<(), Failure> {
        if vcpus.len() != usize::from(count) {
            return Err(Failure::new(format!(
                "nothing is dumped: {} of {count} vCPUs do not stop, because they wait for their output",
                usize::from(count) - vcpus.len()
            )));
        }
        let capture = |vcpu: &Vcpu| vcpu.capture(vm).map(|state| state.on_kernel(&self.release));
        let states = StateFile { vcpus: vcpus.iter().map(capture).collect::<Result<_, _>>()? };
        // What has no length, as a pipe, has nothing from before.
        let _ = self.file.set_len(0);
        (&self.file).write_all(&states.to_bytes()).map_err(|error| {
            Failure::new(format!("cannot write the dump {}: {error}", self.path.display()))
        })
    }
}
