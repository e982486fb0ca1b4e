//! One run, start to end.

use std::fs;
use std::path::Path;
use std::process::Command;

use onereg_lab_init::{COMMAND, GUEST_DISK, GUEST_INITRAMFS, GUEST_KERNEL, MODULES, Record};
use onereg_tests::command;
use onereg_tests::folder::{fresh, remove};

use crate::failure::Failure;
use crate::hosts::Host;
use crate::initramfs::Archive;
use crate::kernels::Kernel;
use crate::machine::{Boot, End};
use crate::modules::Module;
use crate::options::Run;
use crate::program::{OUTPUT, workspace};
use crate::{kernels, machine, other_vmm, program, tools};

/// Makes a file system, and the file for it.
const MAKE_DISK: &str = "/usr/sbin/mkfs.ext4";

/// Size of a guest's disk.
const DISK_SIZE: &str = "16M";

/// Runs a program in a host and returns its exit status; a program that a signal ends has 128 and the signal's number.
///
/// # Errors
///
/// Says why there is no status of the program, and where the log is.
pub fn run(request: &Run) -> Result<u8, Failure> {
    let host = request.host;
    let program = program::find(&request.program)?;
    let also = request.also.iter().map(|name| program::find(name));
    let also = also.collect::<Result<Vec<_>, _>>()?;
    let files = request.files.iter().map(|file| Ok((file.to.as_str(), read(&file.from)?)));
    let files = files.collect::<Result<Vec<_>, String>>()?;
    tools::provide(host, request.install)?;
    let kernel = kernels::provide(host, request.kernel.as_ref())?;
    let init = program::find("onereg-lab-init")?.build(host)?;
    let program = program.build(host)?;
    let name = format!("{}-{}-{}", host.name, kernel.release, std::process::id());
    let folder = workspace().join(OUTPUT).join("runs").join(name);
    fresh(&folder)?;
    let initramfs = folder.join("initramfs");
    let mut archive = archive(request, &kernel, &init, &program)?;
    for (name, other) in request.also.iter().zip(&also) {
        archive.file(&format!("/bin/{name}"), &read(&other.build(host)?)?);
    }
    if request.guest {
        add_guest(&mut archive, host, &kernel, &folder.join("disk"))?;
    }
    if request.qemu {
        for (path, content) in other_vmm::files(host)? {
            archive.file(&path, &content);
        }
    }
    for (path, content) in files {
        archive.file(path, &content);
    }
    fs::write(&initramfs, archive.finish())
        .map_err(|error| format!("cannot write {}: {error}", initramfs.display()))?;
    let image = kernel.image();
    let (status, log) = (folder.join("status"), folder.join("log"));
    let boot = Boot { kernel: &image, initramfs: &initramfs, status: &status, log: &log };
    let end = machine::run(host, &request.settings, &boot)?;
    let record = fs::read_to_string(&status).unwrap_or_default();
    let result = judge(end, &record, request);
    if result == Ok(0) {
        remove(&folder)?;
        return result;
    }
    // What is kept is the log: the rest can be made again.
    let _ = fs::remove_file(&initramfs);
    eprintln!("lab: Linux {} on {}; the log is {}", kernel.release, host.name, log.display());
    result
}

/// Puts the root file system together, but for the user's files.
fn archive(request: &Run, kernel: &Kernel, init: &Path, program: &Path) -> Result<Archive, String> {
    let mut archive = Archive::default();
    archive.console();
    archive.folder("/tmp");
    archive.file("/init", &read(init)?);
    let path = format!("/bin/{}", request.program);
    archive.file(&path, &read(program)?);
    let words = [&path].into_iter().chain(&request.arguments);
    let words: String = words.map(|word| format!("{word}\0")).collect();
    archive.file(COMMAND, words.as_bytes());
    add_modules(&mut archive, &kernel.modules(request.host.modules)?);
    Ok(archive)
}

fn add_modules(archive: &mut Archive, modules: &[Module]) {
    archive.folder(MODULES);
    for (index, (name, content)) in modules.iter().enumerate() {
        archive.file(&format!("{MODULES}/{index:02}-{name}.ko"), content);
    }
}

/// Adds a kernel, an initramfs and a disk for guests. `disk` is where the disk is made.
fn add_guest(
    archive: &mut Archive,
    host: &Host,
    kernel: &Kernel,
    disk: &Path,
) -> Result<(), Failure> {
    let init = program::find("onereg-lab-guest")?.build(host)?;
    let mut initramfs = Archive::default();
    initramfs.console();
    initramfs.file("/init", &read(&init)?);
    add_modules(&mut initramfs, &kernel.modules(host.guest_modules)?);
    archive.file(GUEST_KERNEL, &read(&kernel.image())?);
    archive.file(GUEST_INITRAMFS, &initramfs.finish());
    command::run(Command::new(MAKE_DISK).args(["-q", "-F"]).arg(disk).arg(DISK_SIZE))?;
    archive.file(GUEST_DISK, &read(disk)?);
    fs::remove_file(disk).map_err(|error| format!("cannot remove {}: {error}", disk.display()))?;
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let content =
        fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    if u32::try_from(content.len()).is_err() {
        return Err(format!("{} has 4 GiB or more: no file of an initramfs can", path.display()));
    }
    Ok(content)
}

/// Decides what became of the program.
fn judge(end: End, record: &str, request: &Run) -> Result<u8, Failure> {
    let program = &request.program;
    match (record.parse(), end) {
        (Ok(Record::Exited(status)), _) => Ok(status),
        (Ok(Record::Killed(signal)), _) => {
            eprintln!("lab: signal {signal} ended {program}");
            Ok(128 + signal)
        }
        (Ok(Record::Failed(why)), _) => Err(Failure::Host(why)),
        (Err(_), End::TimeOut) => Err(Failure::TimeOut(format!(
            "{program} did not end within {} s; --timeout gives it more",
            request.settings.time.as_secs()
        ))),
        (Err(_), End::Stopped(Some(0))) => Err(Failure::Host(format!(
            "the host stopped before {program} did: its kernel panicked, or was reset"
        ))),
        (Err(_), End::Stopped(status)) => Err(Failure::Host(format!(
            "{} failed ({}); see what it wrote",
            request.host.qemu,
            status.map_or("signal".to_owned(), |status| format!("status {status}"))
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{Request, parse};

    fn status(end: End, record: &str) -> u8 {
        let words = ["lab", "arm64", "--", "onereg-vmm"];
        let Ok(Request::Run(request)) = parse(words) else { unreachable!("a good command line") };
        judge(end, record, &request).unwrap_or_else(|failure| failure.status())
    }

    #[test]
    fn the_status_is_the_programs_or_says_why_there_is_none() {
        assert_eq!(status(End::Stopped(Some(0)), "exited 7\n"), 7);
        assert_eq!(status(End::Stopped(Some(0)), "killed 9\n"), 137);
        assert_eq!(status(End::Stopped(Some(0)), "failed no /dev/kvm\n"), 125);
        assert_eq!(status(End::Stopped(Some(0)), ""), 125);
        assert_eq!(status(End::Stopped(Some(1)), ""), 125);
        assert_eq!(status(End::Stopped(None), ""), 125);
        assert_eq!(status(End::TimeOut, ""), 124);
    }

    #[test]
    fn a_program_that_ended_in_time_has_ended() {
        // The host then hung while it switched off.
        assert_eq!(status(End::TimeOut, "exited 0\n"), 0);
    }
}
