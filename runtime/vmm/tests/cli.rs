//! The program as a user runs it: commands, output, exit status.

mod program;
mod running;
mod signals;

use std::thread::sleep;
use std::time::{Duration, Instant};

use program::{has_kvm, program, run, stderr, stdout, temporary};
use running::Running;
use serde_json::Value;

const HELLO: &str = "onereg: hello from vCPU 0 of the built-in guest\n";

#[test]
fn the_demo_shows_every_architecture_and_runs_the_guest() {
    if !has_kvm() {
        return;
    }
    for args in [&["demo"] as &[&str], &[]] {
        let output = run(args);
        assert!(output.status.success(), "{}", stderr(&output));
        let text = stdout(&output);
        for arch in ["arm64", "loongarch", "mips", "powerpc", "riscv", "s390", "x86"] {
            assert!(text.contains(&format!("\n{arch}: ")), "{arch} in {text}");
        }
        let (_, guest) = text.split_once(HELLO).unwrap();
        for line in changed_registers() {
            assert!(guest.contains(line), "{line} in {guest}");
        }
    }
}

/// What the built-in guest changes, among other registers.
#[cfg(target_arch = "x86_64")]
fn changed_registers() -> &'static [&'static str] {
    &[
        "  RBX            0x0000000000000000 -> 0x1122334455667788\n",
        "  CR4            0x0000000000000020 -> 0x0000000000000220\n",
        "OSFXSR: 0 -> 1\n",
        "  IA32_CR_PAT    0x0007040600070406 -> 0x0704060007040600\n",
        "PA7: UC -> UC_MINUS\n",
        "CF: 0 -> 1\n",
    ]
}

/// What the built-in guest changes, among other registers.
#[cfg(target_arch = "aarch64")]
fn changed_registers() -> &'static [&'static str] {
    &["  TPIDR_EL0 ", "  X5             0x0000000000000000 -> 0x0000000055667788\n"]
}

/// What the built-in guest changes, among other registers.
#[cfg(target_arch = "riscv64")]
fn changed_registers() -> &'static [&'static str] {
    &["  sscratch ", "  s1             0x0000000000000000 -> 0x0000000055667788\n"]
}

#[test]
fn without_kvm_the_demo_says_so_and_fails_only_where_kvm_is_promised() {
    let args = ["demo", "--kvm", "/nowhere/kvm"];
    let output = run(&args);
    let text = stdout(&output);
    assert!(output.status.success());
    assert!(text.contains("skipped: cannot open /nowhere/kvm: No such file"), "{text}");
    assert!(text.contains("\nx86: "), "{text}");
    let output = program(&args).env("CI", "true").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("onereg-vmm: cannot open /nowhere/kvm: "));
    assert!(stderr(&output).contains("modprobe"), "no remedy in {}", stderr(&output));
}

#[test]
fn a_device_that_is_not_kvm_is_refused() {
    for command in ["run", "probe"] {
        let output = run(&[command, "--kvm", "/dev/null"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).starts_with("onereg-vmm: /dev/null is not a KVM device: "));
    }
}

#[test]
fn the_guest_ends_with_its_exit_status() {
    if !has_kvm() {
        return;
    }
    let output = run(&["run", "--cpus", "3", "--memory", "64M", "--cmdline", "quiet"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).starts_with(HELLO));
    if cfg!(target_arch = "x86_64") {
        let output = run(&["run", "--cmdline", "crash"]);
        assert_eq!(output.status.code(), Some(3));
        assert!(stderr(&output).contains("the guest crashed: "), "{}", stderr(&output));
    }
}

#[test]
fn the_console_goes_where_it_is_sent() {
    if !has_kvm() {
        return;
    }
    let file = temporary("console");
    let output = run(&["run", "--console", file.to_str().unwrap()]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), HELLO);
    assert!(!stdout(&output).contains(HELLO));
    let output = run(&["run", "--console", "none"]);
    assert!(output.status.success() && !stdout(&output).contains(HELLO));
    let output = run(&["run", "--console", "/nowhere/console"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("onereg-vmm: cannot open the console /nowhere/console: "));
}

#[test]
fn control_c_ends_a_running_guest() {
    if !has_kvm() {
        return;
    }
    let metrics = temporary("interrupted");
    // One more thread that a signal may reach.
    for args in [&[][..], &["--metrics", metrics.to_str().unwrap()]] {
        for signal in ["INT", "TERM"] {
            let (status, said) = Running::start(args).end_by(signal);
            assert_eq!(status.code(), Some(130), "SIG{signal} {args:?}");
            assert_eq!(said, "onereg-vmm: interrupted\n");
        }
    }
}

#[test]
fn changes_of_watched_registers_are_printed_however_the_guest_ends() {
    if !has_kvm() {
        return;
    }
    #[cfg(target_arch = "x86_64")]
    let (watched, changed) = ("RFLAGS.CF,IA32_CR_PAT.PA7", "PA7 UC -> UC_MINUS");
    #[cfg(target_arch = "aarch64")]
    let (watched, changed) = ("PSTATE.Z,X5", "X5 0x0000000000000000 -> 0x0000000055667788");
    #[cfg(target_arch = "riscv64")]
    let (watched, changed) = ("sstatus.SIE,s1", "s1 0x0000000000000000 -> 0x0000000055667788");
    let output = run(&["run", "--cpus", "2", "--trace", watched]);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.contains("\nChanges on vCPU 0 in ") && text.contains(changed), "{text}");
    assert!(text.contains("\nChanges on vCPU 1 in "), "{text}");
    if cfg!(target_arch = "x86_64") {
        let output = run(&["run", "--cmdline", "crash", "--trace", "RIP"]);
        assert_eq!(output.status.code(), Some(3));
        assert!(stdout(&output).contains("\n  exit 1: RIP 0x"), "{}", stdout(&output));
    }
    let output = run(&["run", "--trace", "NOTHING"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("onereg-vmm: cannot trace `NOTHING`: "));
}

#[test]
fn vcpus_are_named_threads() {
    if !has_kvm() {
        return;
    }
    let vmm = Running::with_cpus(32, &[]);
    let expected: Vec<_> = (0..32).map(|index| format!("vcpu{index}")).collect();
    let has_all = |names: &[String]| expected.iter().all(|name| names.contains(name));
    // A thread takes its name when it starts to run, which the guest's first line does not wait for.
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut names = thread_names(&vmm);
    while !has_all(&names) && Instant::now() < deadline {
        sleep(Duration::from_millis(10));
        names = thread_names(&vmm);
    }
    vmm.end_by("INT");
    assert!(has_all(&names), "{expected:?} in {names:?}");
}

/// Names of the threads that a process has; one that ends meanwhile has none.
fn thread_names(vmm: &Running) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", vmm.id())).unwrap();
    let name = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm")).ok();
    tasks.flatten().filter_map(name).map(|name| name.trim_end().to_owned()).collect()
}

#[test]
fn what_would_be_ignored_is_refused() {
    for option in ["--disk", "--net", "--vsock", "--virtio-console", "--balloon"] {
        let output = run(&["run", option, "x"]);
        assert_eq!(output.status.code(), Some(1), "{option}");
        let expected = format!("onereg-vmm: the built-in guest has no driver for a {option}: ");
        assert!(stderr(&output).starts_with(&expected), "{}", stderr(&output));
        assert!(stdout(&output).is_empty());
    }
}

#[test]
fn only_one_console_has_stdio() {
    let output = run(&["run", "--kernel", "x", "--virtio-console", "stdio"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("another --console, FILE or none"), "{}", stderr(&output));
}

#[test]
fn memory_of_huge_pages_has_no_balloon() {
    let output = run(&["run", "--kernel", "x", "--hugepages", "--balloon", "target=0"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--hugepages back to the host: leave"), "{}", stderr(&output));
}

#[test]
fn what_no_host_can_give_is_an_error() {
    if !has_kvm() {
        return;
    }
    let cases = [
        ("run --memory 1", "cannot give the guest 1 bytes of memory: "),
        ("run --memory 8388609", "cannot give the guest 8388609 bytes of memory: "),
        ("run --memory 4000000G", "cannot allocate "),
        ("run --hugepages --memory 9M", "cannot give the guest 9437184 bytes of memory: "),
        (
            "run --hugepages --memory 100000G",
            "cannot allocate 107374182400000 bytes of guest memory: ",
        ),
        ("run --cpus 65535", "cannot create vCPU "),
        ("probe --features no-such-feature", "unknown feature"),
    ];
    for (args, expected) in cases {
        let output = run(&args.split(' ').collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(
            stderr(&output).starts_with(&format!("onereg-vmm: {expected}")),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn wrong_usage_exits_with_2() {
    let cases: [&[&str]; 8] = [
        &["fly"],
        &["run", "--initrd", "x"],
        &["run", "--cpus", "0"],
        &["run", "--cpus", "many"],
        &["run", "--memory", "1T"],
        &["run", "image"],
        &["probe", "--format", "xml"],
        &["demo", "--quiet"],
    ];
    for args in cases {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).starts_with("onereg-vmm: "), "{}", stderr(&output));
        assert!(!stderr(&output).contains("error:"), "{}", stderr(&output));
    }
    for args in [["--help"], ["--version"]] {
        let output = run(&args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(stdout(&output).contains("onereg-vmm"));
    }
}

#[test]
fn the_profile_has_the_shape_that_programs_read() {
    if !has_kvm() {
        return;
    }
    for features in ["all", "none"] {
        let output = run(&["probe", "--features", features, "--format", "json"]);
        assert!(output.status.success(), "{}", stderr(&output));
        let profile: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(profile["arch"].is_string() && profile["kernel"].is_string());
        assert_eq!(
            profile["capabilities"]["KVM_CAP_ONE_REG"].as_u64().map(|value| value < 2),
            Some(true)
        );
        assert!(profile["unknown"].as_array().unwrap().iter().all(Value::is_string));
        let registers = profile["registers"].as_array().unwrap();
        assert!(registers.len() > 50, "{} registers", registers.len());
        registers.iter().for_each(check_register);
        check_what_only_this_architecture_has(&profile);
    }
}

#[cfg(target_arch = "x86_64")]
fn check_what_only_this_architecture_has(profile: &Value) {
    let features = profile["features"].as_object().unwrap();
    assert!(features.contains_key("IA32_ARCH_CAPABILITIES"), "{features:?}");
    let cpuid = profile["cpuid"].as_array().unwrap();
    assert!(cpuid.len() > 10 && cpuid.iter().all(|leaf| leaf["eax"].is_string()), "{cpuid:?}");
}

#[cfg(target_arch = "aarch64")]
fn check_what_only_this_architecture_has(profile: &Value) {
    let writable = profile["writable"].as_object().unwrap();
    assert!(writable.values().all(Value::is_string), "{writable:?}");
}

#[cfg(target_arch = "riscv64")]
fn check_what_only_this_architecture_has(profile: &Value) {
    for list in ["isa", "sbi"] {
        assert!(!profile[list].as_array().unwrap().is_empty(), "{list}");
    }
}

fn check_register(register: &Value) {
    assert!(register["name"].is_string() && register["class"].is_string(), "{register}");
    let width = register["width"].as_u64().unwrap() as usize;
    let value = register["value"].as_str();
    assert_eq!(value.is_none(), register["error"].is_string(), "{register}");
    if let Some(value) = value {
        let digits = value.strip_prefix("0x").unwrap();
        assert!(digits.bytes().all(|digit| digit.is_ascii_hexdigit()), "{register}");
        assert_eq!(digits.len() * 4, width, "{register}");
    }
    match register["id"].as_str() {
        Some(id) => {
            let id = u64::from_str_radix(id.strip_prefix("0x").unwrap(), 16).unwrap();
            assert_eq!(8 << (id >> 52 & 0xf), width, "{register}");
        }
        None => assert!(register["id"].is_null(), "{register}"),
    }
}

#[test]
fn the_profile_reads_well_too() {
    if !has_kvm() {
        return;
    }
    let output = run(&["probe"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.contains("\n  KVM_CAP_ONE_REG "), "{text}");
    assert!(text.lines().next().unwrap().ends_with(" registers"), "{text}");
    #[cfg(target_arch = "x86_64")]
    assert!(text.contains("\n  IA32_APICBASE "), "{text}");
}

#[test]
fn nobody_reading_the_output_is_no_news() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = program(&["demo"]).stdout(writer).output().unwrap();
    assert_eq!(stderr(&output), "");
}
