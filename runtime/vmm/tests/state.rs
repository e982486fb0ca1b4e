//! `run --dump` and `state`, as a user runs them.

mod program;
mod running;
mod signals;

use std::process::Command;

use onereg::arm64::{Arm64Registers, PC, SCTLR_EL1};
use onereg::s390::CPU_TIMER;
use onereg::{Arch, Arm64, Host, Memory, Present, Registers, S390, StateFile, Unknown, VcpuState};
use program::{has_kvm, run, stderr, stdout, temporary};
use running::Running;
use serde_json::Value;

/// Writes the state of one vCPU to a file and returns its path.
fn file<A: Arch>(name: &str, vcpu: &Memory<A>) -> String {
    let captured = VcpuState::capture(vcpu, Present::Table, Unknown::Refuse).unwrap();
    let file = StateFile { vcpus: vec![captured.state.on_kernel("7.3.4")] };
    let path = temporary(name);
    std::fs::write(&path, file.to_bytes()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// An arm64 vCPU, which this host cannot have.
fn arm64() -> Memory<Arm64> {
    let vcpu = Memory::<Arm64>::new(Host::LP64);
    vcpu.set_pc(0x4008_0000).unwrap();
    vcpu.update(SCTLR_EL1, |sctlr| sctlr.with_m(true)).unwrap();
    vcpu
}

#[test]
fn a_file_of_any_architecture_is_shown_with_fields() {
    let path = file("shown", &arm64());
    let text = stdout(&run(&["state", "show", &path]));
    assert!(text.starts_with("vCPU 0: arm64, kernel 7.3.4, table of Linux 7.3, "), "{text}");
    let line = "\n  SCTLR_EL1                0x603000000013c080 0x0000000000000001  M: 1\n";
    assert!(text.contains(line), "{text}");
    let text = stdout(&run(&["state", "show", &path, "PC"]));
    assert_eq!(text.lines().count(), 2, "{text}");
    let output = run(&["state", "show", &path, "SCTLR_EL1", "--format", "json"]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json[0]["arch"], &json[0]["xlen"]), (&"arm64".into(), &64.into()));
    let sctlr = &json[0]["registers"][0];
    assert_eq!(sctlr["id"], "0x603000000013c080");
    assert_eq!((&sctlr["width"], &sctlr["class"]), (&64.into(), &"state".into()));
    let fields = sctlr["fields"].as_array().unwrap();
    let m = fields.iter().find(|field| field["name"] == "M").unwrap();
    assert_eq!((&m["value"], &m["text"]), (&"0x1".into(), &"1".into()));
}

#[test]
fn differences_are_named_by_register_and_field() {
    let vcpu = arm64();
    let before = file("before", &vcpu);
    vcpu.set(PC, 0x4008_0004).unwrap();
    vcpu.update(SCTLR_EL1, |sctlr| sctlr.with_c(true)).unwrap();
    let after = file("after", &vcpu);
    let output = run(&["state", "diff", &before, &after]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(1), String::new()));
    let expected = "vCPU 0: PC (0x6030000000100040): 0x0000000040080000 -> 0x0000000040080004\n\
                    vCPU 0: SCTLR_EL1 (0x603000000013c080): 0x0000000000000001 -> \
                    0x0000000000000005, C: 0 -> 1\n";
    assert_eq!(stdout(&output), expected);
    let output = run(&["state", "diff", &before, &before]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(0), "no differences\n".to_owned()));
    let output = run(&["state", "diff", &before, &after, "--format", "json"]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 2);
    assert_eq!(json[1]["fields"][0]["name"], "C");
    assert_eq!(json[1]["fields"][0]["b"]["text"], "1");
}

#[test]
fn what_cannot_be_read_or_compared_is_explained() {
    let arm64 = file("arm64", &arm64());
    let s390 = Memory::<S390>::new(Host::LP64);
    s390.set(CPU_TIMER, 1).unwrap();
    let s390 = file("s390", &s390);
    let cut = temporary("cut");
    let bytes = std::fs::read(&arm64).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let cut = cut.to_str().unwrap();
    let cases: [(&[&str], &str); 5] = [
        (&["show", "/nowhere/state"], "cannot read /nowhere/state: No such file"),
        (&["show", "/dev/null"], "/dev/null: byte 0x0: this is no file of vCPU states"),
        (&["show", cut], "it is cut off or altered"),
        (&["show", &arm64, "EFER"], "has a register called `EFER`"),
        (&["diff", &arm64, &s390], "the files are of arm64 and s390"),
    ];
    for (args, expected) in cases {
        let output = run(&[&["state"], args].concat());
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let message = stderr(&output);
        assert!(message.starts_with("onereg-vmm: ") && message.contains(expected), "{message}");
    }
    assert_eq!(run(&["state", "show"]).status.code(), Some(2));
}

#[test]
fn a_guest_that_ends_leaves_the_state_of_every_vcpu() {
    if !has_kvm() {
        return;
    }
    let path = temporary("ended");
    let output = run(&["run", "--cpus", "3", "--dump", path.to_str().unwrap()]);
    assert!(output.status.success(), "{}", stderr(&output));
    let file = StateFile::from_bytes(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(file.vcpus.len(), 3);
    for state in &file.vcpus {
        assert!(state.registers().len() > 200, "{state:?}");
        assert!(!state.origin().kernel.is_empty());
    }
    let output = run(&["run", "--dump", "/nowhere/dump"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("cannot open the dump /nowhere/dump: "));
    assert_eq!(stdout(&output), "", "no guest runs in vain");
}

#[test]
fn an_interrupted_guest_leaves_the_state_of_every_vcpu() {
    if !has_kvm() {
        return;
    }
    let path = temporary("interrupted");
    let vmm = Running::start(&["--dump", path.to_str().unwrap()]);
    let (status, said) = vmm.end_by("INT");
    assert_eq!(status.code(), Some(130), "{said}");
    let file = StateFile::from_bytes(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(file.vcpus.len(), 2);
}

#[test]
fn a_file_that_must_not_grow_is_an_error_of_its_writer() {
    if !has_kvm() {
        return;
    }
    let path = temporary("limited");
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -f 1; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_onereg-vmm"), "run"]);
    let output = shell.arg("--dump").arg(&path).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", output.status);
    let expected = format!("cannot write the dump {}: File too large", path.display());
    assert!(stderr(&output).contains(&expected), "{}", stderr(&output));
}

#[cfg(target_arch = "x86_64")]
#[test]
fn a_guest_that_crashes_leaves_the_state_of_every_vcpu() {
    if !has_kvm() {
        return;
    }
    let path = temporary("crashed");
    let path = path.to_str().unwrap();
    let output = run(&["run", "--cpus", "2", "--cmdline", "crash", "--dump", path]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    // The guest's undefined instruction, for which it has no handler.
    let text = stdout(&run(&["state", "show", path, "EXCEPTION_NR", "CR0"]));
    assert_eq!(text.matches("vCPU ").count(), 2, "{text}");
    assert!(
        text.contains("  EXCEPTION_NR             events + 0x1       0x06  VECTOR: UD\n"),
        "{text}"
    );
    let report = stderr(&output);
    let (head, vcpus) = report.split_once("\nvCPU 0 at 0x").unwrap();
    let (vcpus, end) = vcpus.rsplit_once("\nonereg-vmm: the guest crashed: ").unwrap();
    assert_eq!(end, "it could not handle an exception (triple fault)\n");
    let both = [vcpus.split("\nvCPU 1 at 0x").collect::<Vec<_>>()].concat();
    let crashed = usize::from(head.starts_with("onereg-vmm: vCPU 1 ended the guest"));
    assert!(both[crashed].contains(", where memory has 0f 0b "), "{report}");
    let all = stdout(&run(&["state", "show", path]));
    let (first, second) = all.split_once("\nvCPU 1: ").unwrap();
    for (vcpu, all) in both.into_iter().zip([first, second]) {
        let shown: Vec<&str> = vcpu.lines().skip(1).collect();
        let missing = shown.iter().find(|line| !all.lines().any(|other| other == **line));
        assert_eq!(missing, None, "{all}");
        for name in ["RIP", "CR3", "CS_SELECTOR", "RSI"] {
            let is_of = |line: &&str| line.split_whitespace().next() == Some(name);
            assert!(shown.iter().any(is_of), "{name}: {report}");
        }
    }
    let output = run(&["run", "--cmdline", "crash", "--dump", "/dev/full"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("cannot write the dump /dev/full: "));
}

/// Writes a profile with these registers of `vcpu`, in the shape of `probe --format json`.
fn profile(name: &str, vcpu: &Memory<Arm64>, without: &str) -> String {
    let mut registers = Vec::new();
    for info in Arm64::TABLE.registers.iter().filter(|info| info.name != without) {
        let mut value = vec![0; info.place.size(Host::LP64)];
        vcpu.read_bytes(info.place, &mut value).unwrap();
        registers.push(serde_json::json!({
            "name": info.name,
            "id": info.place.id(Host::LP64).map(|id| format!("{id:#018x}")),
            "width": value.len() * 8,
            "value": onereg::Digits(&value).to_string(),
            "class": info.row.class.name(),
        }));
    }
    let profile = serde_json::json!({
        "arch": "arm64", "kernel": "6.12.1", "capabilities": {}, "registers": registers, "unknown": [],
    });
    let path = temporary(name);
    std::fs::write(&path, profile.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_check_names_what_stands_in_the_way() {
    use onereg::arm64::{VENDOR_HYP_BMAP_2, VendorHypBmap2};
    let vcpu = arm64();
    let state = file("checked", &vcpu);
    let same = profile("same", &vcpu, "");
    let output = run(&["check", &state, "--host", &same]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(0), "restorable\n".to_owned()));

    let older = profile("older", &vcpu, "VENDOR_HYP_BMAP_2");
    let output = run(&["check", &state, "--host", &older]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let expected = "restorable-when-dropped\n  vCPU 0: drop: VENDOR_HYP_BMAP_2 \
                    (0x6030000000160003): 0x0000000000000000 -> absent: it is 0";
    assert!(stdout(&output).starts_with(expected), "{}", stdout(&output));

    vcpu.set(VENDOR_HYP_BMAP_2, VendorHypBmap2::new(1)).unwrap();
    let state = file("checked_again", &vcpu);
    let output = run(&["check", &state, "--host", &older, "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["verdict"], "blocked");
    let line = &json["registers"][0];
    assert_eq!((&line["name"], &line["here"]), (&"VENDOR_HYP_BMAP_2".into(), &Value::Null));
    assert!(line["reason"].as_str().unwrap().contains("since Linux 6."), "{line}");
}

#[test]
fn a_profile_that_is_none_is_explained() {
    let state = file("unchecked", &arm64());
    let cases = [
        ("{", "not a host profile: "),
        (r#"{"arch":"x86","kernel":"","registers":[],"unknown":[]}"#, "a host of x86"),
        (
            r#"{"arch":"arm64","kernel":"","registers":[],"unknown":["0xg"]}"#,
            "not a host profile: `0xg` is no id",
        ),
        (
            r#"{"arch":"arm64","kernel":"","registers":[{"name":"PC","id":"0x1","value":"0x123"}],"unknown":[]}"#,
            "`0x123` is no value in hex",
        ),
    ];
    let path = temporary("no_profile");
    for (text, expected) in cases {
        std::fs::write(&path, text).unwrap();
        let output = run(&["check", &state, "--host", path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }
}

#[test]
fn a_dump_can_be_restored_on_this_host() {
    if !has_kvm() {
        return;
    }
    let (state, host) = (temporary("here"), temporary("here.json"));
    let (state, host) = (state.to_str().unwrap(), host.to_str().unwrap());
    let output = run(&["run", "--cpus", "2", "--dump", state]);
    assert!(output.status.success(), "{}", stderr(&output));
    std::fs::write(host, run(&["probe", "--format", "json"]).stdout).unwrap();
    let output = run(&["check", state, "--host", host]);
    assert_eq!(stdout(&output).lines().next(), Some("restorable"), "{}", stdout(&output));
}
