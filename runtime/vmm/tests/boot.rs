//! Kernels as a user gives them: those that boot, on small ones of the tests' own, and those that cannot.
#![cfg(target_arch = "x86_64")]

mod kernel;
mod program;
mod pseudo_terminal;
mod signals;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use kernel::{ENTRY, LOAD, bzimage};
use onereg::StateFile;
use program::{has_kvm, program, run, stderr, stdout, temporary};
use pseudo_terminal::PseudoTerminal;
use serde_json::Value;

/// Machine code that means the same in 32-bit and in 64-bit mode: it prints a text, and goes on with `end`.
fn code(address: u32, text: &str, end: &[u8]) -> Vec<u8> {
    // mov dx, 0x3f8; mov esi, TEXT; 1: lodsb; test al, al; jz 2f; out dx, al; jmp 1b; 2:
    let head = [0x66, 0xba, 0xf8, 0x03, 0xbe];
    let print = [0xac, 0x84, 0xc0, 0x74, 0x03, 0xee, 0xeb, 0xf8];
    let text_at = address + (head.len() + 4 + print.len() + end.len()) as u32;
    [&head, &text_at.to_le_bytes()[..], &print, end, text.as_bytes(), b"\0"].concat()
}

/// Writes a value to a port, and halts.
fn out(port: u16, value: u8) -> Vec<u8> {
    let [low, high] = port.to_le_bytes();
    vec![0x66, 0xba, low, high, 0xb0, value, 0xee, 0xf4, 0xeb, 0xfd]
}

/// Switches the machine off, and starts it over, by the register block that the ACPI tables describe.
fn power_off() -> Vec<u8> {
    out(0x600, 0x34)
}

fn reset() -> Vec<u8> {
    out(0x602, 1)
}

/// An ELF file with one segment, and a note with the PVH entry where that is wanted.
fn elf(code: &[u8], pvh: bool) -> Vec<u8> {
    let headers = if pvh { 2_u16 } else { 1 };
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0".to_vec();
    let number = |file: &mut Vec<u8>, value: u64| file.extend(value.to_le_bytes());
    number(&mut file, u64::from(LOAD));
    number(&mut file, 64);
    number(&mut file, 0);
    file.extend([0, 0, 0, 0, 64, 0, 56, 0, headers as u8, 0, 64, 0, 0, 0, 0, 0]);
    let mut segment = |kind: u32, offset: u64, size: u64| {
        file.extend([kind.to_le_bytes(), 7_u32.to_le_bytes()].concat());
        for value in [offset, u64::from(LOAD), u64::from(LOAD), size, size, 4] {
            number(&mut file, value);
        }
    };
    segment(1, 256, code.len() as u64);
    if pvh {
        segment(4, 224, 20);
    }
    file.resize(224, 0);
    for word in [4, 4, 18, u32::from_le_bytes(*b"Xen\0"), LOAD] {
        file.extend(u32::to_le_bytes(word));
    }
    file.resize(256, 0);
    file.extend(code);
    file
}

/// Boots a kernel of these bytes.
fn boot(name: &str, kernel: &[u8], options: &[&str], input: &str) -> Output {
    let path = temporary(name);
    fs::write(&path, kernel).unwrap();
    let mut command = program(&["run", "--kernel", path.to_str().unwrap()]);
    command.args(options).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut vmm = command.spawn().unwrap();
    vmm.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    ended(vmm)
}

/// Waits until a run ends; one that does not is killed, and has no exit status.
fn ended(mut vmm: Child) -> Output {
    let deadline = Instant::now() + Duration::from_secs(60);
    while vmm.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            vmm.kill().unwrap();
        }
        sleep(Duration::from_millis(5));
    }
    vmm.wait_with_output().unwrap()
}

#[test]
fn every_format_boots_and_powers_off() {
    if !has_kvm() {
        return;
    }
    let in_bzimage = code(LOAD + ENTRY as u32, "by its header\n", &power_off());
    let in_elf = code(LOAD, "by its entry\n", &power_off());
    let in_pvh = code(LOAD, "by its note\n", &power_off());
    for (name, kernel, says) in [
        ("bzimage", bzimage(&in_bzimage), "by its header\n"),
        ("elf", elf(&in_elf, false), "by its entry\n"),
        ("pvh", elf(&in_pvh, true), "by its note\n"),
    ] {
        let output = boot(name, &kernel, &["--cpus", "2"], "");
        assert_eq!(output.status.code(), Some(0), "{name}: {}", stderr(&output));
        assert_eq!(stdout(&output), says, "{name}");
    }
}

#[test]
fn a_guest_that_kvm_cannot_go_on_with_leaves_its_registers() {
    if !has_kvm() {
        return;
    }
    // mov eax, 0xd0000000; jmp rax: no memory is there.
    let end = [0xb8, 0x00, 0x00, 0x00, 0xd0, 0xff, 0xe0];
    let kernel = bzimage(&code(LOAD + ENTRY as u32, "", &end));
    let output = boot("lost", &kernel, &[], "");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let report = stderr(&output);
    let (_, registers) = report
        .split_once("\nvCPU 0 at 0x00000000d0000000, where no memory can be read\n")
        .unwrap_or_else(|| panic!("{report}"));
    for part in ["  RIP ", "  CR0 ", "(KVM_EXIT_INTERNAL_ERROR)\n"] {
        assert!(registers.contains(part), "{part}: {report}");
    }
}

/// Waits for a character, and sends it back.
const ECHO: [u8; 15] =
    // mov dx, 0x3fd; 1: in al, dx; test al, 1; jz 1b; mov dx, 0x3f8; in al, dx; out dx, al
    [0x66, 0xba, 0xfd, 0x03, 0xec, 0xa8, 0x01, 0x74, 0xfb, 0x66, 0xba, 0xf8, 0x03, 0xec, 0xee];

#[test]
fn what_is_typed_reaches_the_guest() {
    if !has_kvm() {
        return;
    }
    let end = [ECHO.repeat(3), power_off()].concat();
    let kernel = bzimage(&code(LOAD + ENTRY as u32, ">", &end));
    let output = boot("echo", &kernel, &[], "abc");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stdout(&output), ">abc");
}

#[test]
fn the_terminal_is_the_guests_and_comes_back_however_the_run_ends() {
    if !has_kvm() {
        return;
    }
    let pty = PseudoTerminal::open();
    let before = pty.mode();
    for (name, typed, end, status) in [
        ("leaves", &b"\x01x"[..], &ECHO[..], 130),
        ("leaves-deaf", &[&[b'a'; 4000], &b"\x01x"[..]].concat(), &[0xeb, 0xfe], 130),
        ("powers-off", b"x", &power_off(), 0),
        ("crashes", b"x", &[0x0f, 0x0b], 3),
    ] {
        let kernel = bzimage(&code(LOAD + ENTRY as u32, ">", &[&ECHO[..], end].concat()));
        let path = temporary(name);
        fs::write(&path, kernel).unwrap();
        let mut command = program(&["run", "--kernel", path.to_str().unwrap()]);
        command.stdin(pty.terminal.try_clone().unwrap());
        let mut vmm = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut prompt = [0];
        vmm.stdout.as_mut().unwrap().read_exact(&mut prompt).unwrap();
        assert_eq!(prompt, *b">", "{name}");
        assert_ne!(pty.mode(), before, "{name}");
        (&pty.keyboard).write_all(typed).unwrap();
        let output = ended(vmm);
        assert_eq!(output.status.code(), Some(status), "{name}: {}", stderr(&output));
        assert_eq!(pty.mode(), before, "{name}");
    }
}

#[test]
fn the_guest_knows_the_size_of_the_window_that_its_virtio_console_is_in() {
    if !has_kvm() {
        return;
    }
    let pty = PseudoTerminal::open();
    let (kernel, serial) = (temporary("window"), temporary("window.serial"));
    // mov esi, 0xfeb00100; mov eax, [rsi]; mov dx, 0x3f8; 4 times: out dx, al; shr eax, 8
    let read = [0xbe, 0x00, 0x01, 0xb0, 0xfe, 0x8b, 0x06, 0x66, 0xba, 0xf8, 0x03];
    let print = [0xee, 0xc1, 0xe8, 8].repeat(4);
    let tell = [&read[..], &print, &power_off()].concat();
    fs::write(&kernel, bzimage(&tell)).unwrap();
    let mut command = program(&["run", "--transport", "mmio", "--virtio-console", "stdio"]);
    command.arg("--kernel").arg(&kernel).arg("--console").arg(&serial);
    command.stdin(Stdio::null()).stdout(pty.terminal.try_clone().unwrap()).stderr(Stdio::piped());
    let output = ended(command.spawn().unwrap());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(fs::read(&serial).unwrap(), [132, 0, 43, 0]);
}

#[test]
fn a_kernel_that_gives_up_is_a_crash_whether_it_stays_or_restarts() {
    if !has_kvm() {
        return;
    }
    let panic = "[    0.1] Kernel panic - not syncing: a test\n";
    let end = "[    0.2] ---[ end Kernel panic - not syncing: a test ]---\n";
    for (name, text, end) in [
        ("stays", format!("{panic}{end}"), vec![0xf4, 0xeb, 0xfd]),
        ("restarts", panic.to_owned(), reset()),
    ] {
        let kernel = bzimage(&code(LOAD + ENTRY as u32, &text, &end));
        let dump = temporary(&format!("{name}.state"));
        let output = boot(name, &kernel, &["--dump", dump.to_str().unwrap()], "");
        assert_eq!(output.status.code(), Some(3), "{name}: {}", stderr(&output));
        let expected = "onereg-vmm: the guest crashed: Kernel panic - not syncing: a test\n";
        let said = stderr(&output);
        assert!(said.ends_with(expected), "{name}: {said}");
        let shown = run(&["state", "show", dump.to_str().unwrap(), "RSI"]);
        assert!(stdout(&shown).contains("  RSI "), "{name}: {}", stderr(&shown));
    }
}

#[test]
fn a_crash_where_nothing_is_mapped_is_shown_without_an_instruction() {
    if !has_kvm() {
        return;
    }
    // movabs rax, 0x7ffffff000; jmp rax
    let end = [0x48, 0xb8, 0, 0xf0, 0xff, 0xff, 0x7f, 0, 0, 0, 0xff, 0xe0];
    let kernel = bzimage(&code(LOAD + ENTRY as u32, "", &end));
    let output = boot("unmapped", &kernel, &[], "");
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    let expected = "\nvCPU 0 at 0x0000007ffffff000, where no memory can be read\n";
    assert!(said.contains(expected), "{said}");
    assert!(said.contains("\n  CR2 ") && said.contains("\n  RAX "), "{said}");
}

/// A kernel that prints a line and waits for a character: it does `reset` for `r`, and powers off for all others.
fn restarting(reset: &[u8]) -> Vec<u8> {
    let mut end = vec![0x66, 0xba, 0xfd, 0x03, 0xec, 0xa8, 0x01, 0x74, 0xfb];
    end.extend([0x66, 0xba, 0xf8, 0x03, 0xec, 0x3c, b'r', 0x75, 0x0a]);
    end.extend(reset);
    end.extend(power_off());
    bzimage(&code(LOAD + ENTRY as u32, "start\n", &end))
}

#[test]
fn a_reset_starts_the_guest_over() {
    if !has_kvm() {
        return;
    }
    // The keyboard controller does it, too.
    for (name, reset) in [("reset", reset()), ("keyboard", out(0x64, 0xfe))] {
        let output = boot(name, &restarting(&reset), &[], "rrx");
        assert_eq!(output.status.code(), Some(0), "{name}: {}", stderr(&output));
        assert_eq!(stdout(&output), "start\n".repeat(3), "{name}");
    }
}

/// Prints what a leaf of CPUID has in EAX, EBX, ECX, EDX.
fn cpuid(leaf: u32, index: u32) -> Vec<u8> {
    let [eax, ecx] = [leaf, index].map(u32::to_le_bytes);
    // mov eax, LEAF; mov ecx, INDEX; cpuid; mov edi, ecx; mov esi, edx; mov dx, 0x3f8
    let mut code =
        [&[0xb8], &eax[..], &[0xb9], &ecx, &[0x0f, 0xa2, 0x89, 0xcf, 0x89, 0xd6]].concat();
    code.extend([0x66, 0xba, 0xf8, 0x03]);
    // mov eax, eax or ebx or edi or esi; then out dx, al; shr eax, 8 for every byte of it
    for register in [0xc0, 0xd8, 0xf8, 0xf0] {
        code.extend([0x89, register]);
        code.extend([0xee, 0xc1, 0xe8, 8].repeat(4));
    }
    code
}

#[test]
fn a_guest_sees_its_own_cpus_and_the_hypervisor_in_its_cpuid() {
    if !has_kvm() {
        return;
    }
    let leaves = [(0, 0), (1, 0), (7, 0), (0xb, 1), (0x12, 0), (0x4000_0000, 0), (0x8000_001f, 0)];
    let mut end: Vec<u8> = leaves.iter().flat_map(|(leaf, index)| cpuid(*leaf, *index)).collect();
    end.extend(power_off());
    let output =
        boot("cpuid", &bzimage(&code(LOAD + ENTRY as u32, "", &end)), &["--cpus", "3"], "");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let word = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
    let seen: Vec<[u32; 4]> = output
        .stdout
        .chunks(16)
        .map(|registers| [0, 4, 8, 12].map(|at| word(&registers[at..at + 4])))
        .collect();
    let [highest, first, features, cores, enclaves, hypervisor, encryption] = seen[..] else {
        panic!("{} leaves", seen.len());
    };
    // The first of three, and there is a hypervisor.
    assert_eq!((first[1] >> 16, first[2] >> 31), (3, 1));
    assert_eq!((features[1] & 1 << 2, features[2] & 1 << 30), (0, 0));
    if 0xb <= highest[0] {
        assert_eq!(cores, [2, 3, 0x201, 0]);
    }
    if 0x12 <= highest[0] {
        assert_eq!(enclaves, [0; 4]);
    }
    let name = hypervisor[1..].iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    assert_eq!(name, b"KVMKVMKVM\0\0\0");
    assert!(0x4000_0001 <= hypervisor[0], "{:#x}", hypervisor[0]);
    assert_eq!(encryption, [0; 4]);
}

/// What a process holds: open files, threads, and KiB of memory.
fn holdings(process: u32) -> [usize; 3] {
    let count = |folder| fs::read_dir(format!("/proc/{process}/{folder}")).unwrap().count();
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    [count("fd"), count("task"), memory.trim().trim_end_matches(" kB").parse().unwrap()]
}

#[test]
fn the_socket_is_removed_however_the_run_ends() {
    if !has_kvm() {
        return;
    }
    let socket = temporary("vsock");
    let option = format!("cid=3,socket={}", socket.display());
    let end_of = |name: &str, end: &[u8], signal: Option<&str>| {
        let path = temporary(name);
        fs::write(&path, bzimage(&code(LOAD + ENTRY as u32, ">", end))).unwrap();
        let mut command = program(&["run", "--vsock", &option, "--kernel", path.to_str().unwrap()]);
        let mut vmm = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        vmm.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        if let Some(signal) = signal {
            assert!(socket.exists(), "{name}");
            signals::send(signal, vmm.id());
        }
        let output = ended(vmm);
        assert!(!socket.exists(), "{name}: {}", stderr(&output));
        output.status.code()
    };
    assert_eq!(end_of("sockets-off", &power_off(), None), Some(0));
    assert_eq!(end_of("sockets-crash", &[0x0f, 0x0b], None), Some(3));
    for signal in ["INT", "TERM"] {
        assert_eq!(end_of("sockets-interrupted", &[0xeb, 0xfe], Some(signal)), Some(130));
    }
}

/// Interrupts a guest that reads from its serial port and counts, and returns how often it has read by its port, and how
/// often by the registers in its dump.
fn interrupted_reader() -> [u64; 2] {
    // xor ebx, ebx; mov dx, 0x3f8; out dx, al; 1: in al, dx; inc rbx; jmp 1b
    let code = [0x31, 0xdb, 0x66, 0xba, 0xf8, 0x03, 0xee, 0xec, 0x48, 0xff, 0xc3, 0xeb, 0xfa];
    let not_counted = u64::from(LOAD) + ENTRY as u64 + 8;
    let [kernel, dump, metrics] = ["reads", "reads.state", "reads.metrics"].map(temporary);
    fs::write(&kernel, bzimage(&code)).unwrap();
    let mut vmm = program(&["run", "--kernel", kernel.to_str().unwrap()]);
    vmm.args(["--dump", dump.to_str().unwrap(), "--metrics", metrics.to_str().unwrap()]);
    let mut vmm = vmm.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    vmm.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    signals::send("INT", vmm.id());
    let output = ended(vmm);
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    let metrics = fs::read_to_string(&metrics).unwrap();
    let last: Value = serde_json::from_str(metrics.lines().last().unwrap()).unwrap();
    let devices = last["devices"].as_array().unwrap();
    let serial = devices.iter().find(|device| device["at"] == "port 0x3f8").unwrap();
    let file = StateFile::from_bytes(&fs::read(&dump).unwrap()).unwrap();
    let value = |name| {
        let register = file.vcpus[0].register(name).unwrap();
        u64::from_le_bytes(register.value().try_into().unwrap())
    };
    let counted = value("RBX") + u64::from(value("RIP") == not_counted);
    [serial["reads"].as_u64().unwrap(), counted]
}

#[test]
fn a_guest_that_is_stopped_has_completed_what_it_is_at() {
    if !has_kvm() {
        return;
    }
    // Not every time is it within an instruction.
    for _ in 0..8 {
        let [reads, counted] = interrupted_reader();
        assert_eq!(reads, counted);
    }
}

#[test]
fn starts_and_stops_leave_nothing_behind() {
    /// Starts before the first look, when everything was used once, and before the last one.
    const STARTS: [usize; 2] = [20, 500];
    /// What may come and go. What stays with every start is more.
    const MARGIN: [usize; 3] = [20, 20, 1024];
    if !has_kvm() {
        return;
    }
    let (kernel, disk) = (temporary("restarting"), temporary("restarting-disk"));
    File::create(&disk).unwrap().set_len(1 << 20).unwrap();
    for transport in ["pci", "mmio"] {
        fs::write(&kernel, restarting(&reset())).unwrap();
        let mut command = program(&["run", "--cpus", "2", "--transport", transport]);
        command.arg("--kernel").arg(&kernel).arg("--disk").arg(&disk);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut vmm = command.spawn().unwrap();
        let mut keyboard = vmm.stdin.take().unwrap();
        let mut lines = BufReader::new(vmm.stdout.take().unwrap()).lines();
        let mut held = Vec::new();
        for start in 1..=STARTS[1] {
            assert_eq!(lines.next().unwrap().unwrap(), "start", "{transport} {start}");
            if start == 1 {
                // Every start boots the file that was there at first.
                fs::remove_file(&kernel).unwrap();
            }
            if STARTS.contains(&start) {
                held.push(holdings(vmm.id()));
            }
            keyboard.write_all(if start < STARTS[1] { b"r" } else { b"x" }).unwrap();
        }
        let output = ended(vmm);
        assert_eq!(output.status.code(), Some(0), "{transport}: {}", stderr(&output));
        let is_kept = (0..3).all(|of| held[1][of] < held[0][of] + MARGIN[of]);
        assert!(
            is_kept,
            "{transport}: files, threads and KiB were {:?}, are {:?}",
            held[0], held[1]
        );
    }
}

#[test]
fn what_cannot_boot_is_refused_with_its_name_and_a_remedy() {
    if !has_kvm() {
        return;
    }
    let good = bzimage(&code(LOAD + ENTRY as u32, "", &power_off()));
    let mut old = good.clone();
    old[0x236] = 0;
    let mut large = good.clone();
    large[0x263] = 0x7f;
    let long = "x".repeat(101);
    let too_long = ["--cmdline", &long];
    // It takes no memory in the guest.
    let mut overlong = elf(&power_off(), false);
    overlong[64 + 40] = 0;
    let cases: [(&str, &[u8], &[&str], &str); 8] = [
        ("garbage", b"garbage", &[], "it is neither a bzImage nor an ELF file: give "),
        ("empty", b"", &[], "it is neither a bzImage nor an ELF file: give "),
        ("cut-elf", &elf(&[], false)[..60], &[], "it has to be a vmlinux of x86_64"),
        (
            "overlong",
            &overlong,
            &[],
            "a segment has more bytes than memory: give a vmlinux of x86_64",
        ),
        ("cut-off", &good[..2000], &[], "it is cut off: 2000 of 2048 bytes are there"),
        ("32-bit", &old, &[], "it does not start in 64-bit mode: give a kernel for x86_64"),
        ("large", &large, &[], "KiB are left: give the guest more with --memory"),
        ("long", &good, &too_long, "has 101 bytes, of which this kernel takes 100: give a shorter"),
    ];
    for (name, kernel, options, why) in cases {
        let output = boot(name, kernel, options, "");
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{name}: {said}");
        assert!(said.contains(why), "{name}: {said}");
        let path = temporary(name);
        assert!(name == "long" || said.contains(path.to_str().unwrap()), "{name}: {said}");
    }
    let output = run(&["run", "--kernel", "/nowhere/kernel"]);
    assert_eq!(output.status.code(), Some(1));
    let expected = "onereg-vmm: cannot open the kernel /nowhere/kernel: No such file";
    assert!(stderr(&output).starts_with(expected), "{}", stderr(&output));
}

#[test]
fn an_initrd_that_cannot_be_loaded_is_refused() {
    if !has_kvm() {
        return;
    }
    let kernel = bzimage(&code(LOAD + ENTRY as u32, "", &power_off()));
    let (large, missing) = (temporary("large-initrd"), temporary("no-initrd"));
    File::create(&large).unwrap().set_len(128 << 20).unwrap();
    for (path, why) in
        [(&large, "KiB are left: give the guest more with --memory"), (&missing, "No such file")]
    {
        let path = path.to_str().unwrap();
        let output = boot("with-initrd", &kernel, &["--initrd", path], "");
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(path) && said.contains(why), "{said}");
    }
}
