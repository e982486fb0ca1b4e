//! Each kind of thread in a process of its own: what it must not do ends that process, and what it may does not.

use std::env;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::net::UdpSocket;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use landlock::RulesetStatus;
use vm_memory::mmap::MmapRegion;

use super::*;

/// Names of the attempt of a child, and of the role of the thread that makes it.
const ATTEMPT: &str = "ONEREG_ATTEMPT";
const ROLE: &str = "ONEREG_ROLE";

/// What a thread tries: its name, the first system call of it that a role may not have, and what makes it.
type Attempt = (&'static str, &'static [&'static str], fn());

const ATTEMPTS: [Attempt; 8] = [
    // A program that begins gets its signals back as they were.
    ("run", &["rt_sigaction", "execve"], || drop(Command::new("/bin/true").exec())),
    ("connect", &["socket"], || drop(UdpSocket::bind("127.0.0.1:0"))),
    ("make code", &["mmap"], || drop(map(libc::PROT_READ | libc::PROT_EXEC))),
    ("open", &["openat"], || drop(File::open("/etc/passwd"))),
    ("look", &["ioctl"], || assert!(!io::stdin().is_terminal())),
    ("read", &["read"], || drop(io::stdin().read(&mut [0]))),
    ("wait", &["clock_nanosleep"], || thread::sleep(Duration::from_millis(1))),
    ("allocate", &[], || drop(map(libc::PROT_READ | libc::PROT_WRITE))),
];

/// What each role may try of it.
const ROLES: [(&str, Role, &[&str]); 12] = [
    ("main", Role::Main, &["open", "look", "read", "wait", "allocate"]),
    ("vcpu", Role::Vcpu, &["allocate"]),
    ("traced", Role::TracedVcpu, &["allocate"]),
    ("signals", Role::Signals, &["allocate"]),
    ("metrics", Role::Metrics, &["allocate"]),
    ("keyboard", Role::Keyboard, &["read", "allocate"]),
    ("console", Role::Console, &["allocate"]),
    ("rng", Role::Device, &["read", "allocate"]),
    ("blk", Role::Block, &["read", "allocate"]),
    ("vsock", Role::Vsock, &["read", "allocate"]),
    ("hvc", Role::Hvc, &["read", "allocate"]),
    ("balloon", Role::Balloon, &["read", "allocate"]),
];

fn map(protection: i32) -> io::Result<MmapRegion> {
    let flags = libc::MAP_ANONYMOUS | libc::MAP_PRIVATE;
    MmapRegion::build(None, 4096, protection, flags).map_err(io::Error::other)
}

/// Runs the test again, as a child whose thread makes an attempt.
fn child(role: &str, attempt: &str) -> Output {
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", "machine::confine::tests::a_thread_makes_the_calls_of_its_role"]);
    child.arg("--nocapture").env(ROLE, role).env(ATTEMPT, attempt);
    child.stdin(Stdio::null()).output().unwrap()
}

/// Makes an attempt as the child.
fn attempt(role: &str, attempt: &str) {
    start(Seccomp::On).unwrap();
    let (name, role, _) = ROLES.into_iter().find(|(name, ..)| *name == role).unwrap();
    let (.., make) = ATTEMPTS.into_iter().find(|(name, ..)| *name == attempt).unwrap();
    let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
        enter(role);
        make();
    });
    thread.unwrap().join().unwrap();
}

#[test]
fn a_thread_makes_the_calls_of_its_role() {
    if let (Ok(role), Ok(name)) = (env::var(ROLE), env::var(ATTEMPT)) {
        return attempt(&role, &name);
    }
    for (role, _, may) in ROLES {
        for (attempt, calls, _) in ATTEMPTS {
            let output = child(role, attempt);
            let said = String::from_utf8(output.stderr).unwrap();
            let named = |call: &&str| {
                said.starts_with(&format!(
                    "onereg-vmm: the thread {role} made the system call {call} ("
                ))
            };
            match may.contains(&attempt) {
                true => assert!(output.status.success(), "{role} {attempt}: {said}"),
                false => {
                    assert_eq!(output.status.code(), Some(1), "{role} {attempt}: {said}");
                    assert!(calls.iter().any(named), "{role} {attempt}: {said}");
                }
            }
        }
    }
}

#[test]
fn no_file_is_open_to_a_closed_thread_but_the_device() {
    let closed = thread::spawn(|| {
        let status = files::restrict(Path::new("/dev/null"), &[]).unwrap();
        (status.ruleset, File::open("/dev/null"), File::open("/etc/passwd"), File::create("new"))
    });
    let (status, device, file, new) = closed.join().unwrap();
    assert!(device.is_ok(), "{device:?}");
    if status == RulesetStatus::NotEnforced {
        assert!(env::var_os("CI").is_none_or(|value| value != "true"), "CI=true promises Landlock");
        println!("skipped: this kernel has no Landlock");
        return;
    }
    for denied in [file, new] {
        assert_eq!(denied.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    }
}
