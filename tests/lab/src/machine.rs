//! QEMU: its command line, and a run of it with all channels apart.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use onereg_lab_init::{ERRORS, OUTPUT, STATUS};
use onereg_tests::command::line;

use crate::hosts::Host;

/// What may differ between runs on one host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// CPU model, with features.
    pub cpu: Option<String>,
    /// More properties of the machine.
    pub machine: Option<String>,
    /// Number of CPUs.
    pub smp: u32,
    /// Memory in bytes.
    pub memory: Option<u64>,
    /// More of the kernel's command line.
    pub append: Option<String>,
    /// How long the host may run.
    pub time: Duration,
}

/// What boots.
pub struct Boot<'a> {
    /// The kernel.
    pub kernel: &'a Path,
    /// The root file system.
    pub initramfs: &'a Path,
    /// File that takes the record of the init.
    pub status: &'a Path,
    /// File that takes what the console and the program's stderr say.
    pub log: &'a Path,
}

/// How QEMU ended.
#[derive(Debug, Eq, PartialEq)]
pub enum End {
    /// It stopped with this status.
    Stopped(Option<i32>),
    /// Its time was over.
    TimeOut,
}

/// Runs a host to its end. The program's stdout goes to stdout, all else to stderr and the log.
///
/// # Errors
///
/// Names what cannot start or be written.
pub fn run(host: &Host, settings: &Settings, boot: &Boot<'_>) -> Result<End, String> {
    let mut command = command(host, settings, boot);
    let spelled = line(&command);
    let failed = |error| format!("cannot run `{spelled}`: {error}");
    let log = File::create(boot.log)
        .map_err(|error| format!("cannot create {}: {error}", boot.log.display()))?;
    let mut child = command.spawn().map_err(failed)?;
    let status = stream(&mut child, log).and_then(|()| child.wait());
    let status = status.map_err(failed)?;
    // `timeout` ends with 124, and with 137 where the emulator did not stop at the first signal.
    Ok(if matches!(status.code(), Some(124 | 137)) {
        End::TimeOut
    } else {
        End::Stopped(status.code())
    })
}

/// Copies what QEMU writes until it ends.
fn stream(child: &mut Child, mut log: File) -> io::Result<()> {
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        scope.spawn(|| output.map(|from| copy(from, |bytes| write(io::stdout(), bytes))));
        errors.map_or(Ok(()), |from| {
            copy(from, |bytes| {
                // The log is what is kept; a stderr that nobody reads does not end the run.
                let _ = write(io::stderr(), bytes);
                log.write_all(bytes)
            })
        })
    })
}

fn write(mut to: impl Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes).and_then(|()| to.flush())
}

/// Reads to the end, so that the other side never waits, also where nothing more can be written.
fn copy(mut from: impl Read, mut to: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut buffer = [0; 65536];
    let mut result = Ok(());
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return result,
            Ok(length) if result.is_ok() => result = to(&buffer[..length]),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn command(host: &Host, settings: &Settings, boot: &Boot<'_>) -> Command {
    // A lab that is killed leaves no emulator behind: its own clock ends it.
    let mut qemu = Command::new("timeout");
    qemu.args(["--foreground", "--kill-after=5", &settings.time.as_secs().to_string(), host.qemu]);
    qemu.args(["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"]);
    qemu.args(["-monitor", "none", "-accel", "tcg"]).args(host.machine);
    qemu.args(settings.machine.iter().flat_map(|more| ["-machine", more]));
    qemu.args(["-cpu", settings.cpu.as_deref().unwrap_or(host.cpu)]);
    qemu.args(["-smp", &settings.smp.to_string()]);
    let memory = settings.memory.map_or(host.memory, |bytes| bytes.div_ceil(1 << 20));
    qemu.args(["-m", &format!("{memory}M")]);
    let log = "/proc/self/fd/2";
    channel(&mut qemu, "console", log);
    qemu.args(["-serial", "chardev:console", "-device", "virtio-serial-pci"]);
    let status = boot.status.display().to_string();
    for (name, file) in [(OUTPUT, "/proc/self/fd/1"), (ERRORS, log), (STATUS, &status)] {
        channel(&mut qemu, name, file);
        qemu.args(["-device", &format!("virtserialport,chardev={name},name={name}")]);
    }
    let mut append = format!("{} panic=-1 quiet", host.parameters);
    if let Some(more) = &settings.append {
        append = format!("{append} {more}");
    }
    qemu.arg("-kernel").arg(boot.kernel).arg("-initrd").arg(boot.initramfs);
    qemu.args(["-append", &append]);
    qemu.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    qemu
}

/// Adds a channel that goes to `file`, in which a comma is written twice.
fn channel(qemu: &mut Command, id: &str, file: &str) {
    let file = file.replace(',', ",,");
    qemu.args(["-chardev", &format!("file,id={id},path={file},append=on")]);
}
