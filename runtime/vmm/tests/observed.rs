//! What a run says of itself: `--log`, `--metrics`, `--timings`.
#![cfg(target_arch = "x86_64")]

mod program;

use std::fs;

use program::{has_kvm, run, stderr, stdout, temporary};
use serde_json::Value;

/// Reads a file of JSON objects, one a line.
fn objects(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_log_has_an_object_a_line_down_to_its_level() {
    if !has_kvm() {
        return;
    }
    let output = run(&["run", "--log", "stderr"]);
    assert!(stdout(&output).starts_with("onereg: hello"), "{}", stdout(&output));
    let lines = objects(&stderr(&output));
    let messages: Vec<_> = lines.iter().map(|line| line["message"].as_str().unwrap()).collect();
    assert!(messages.starts_with(&["the guest starts"]), "{messages:?}");
    assert!(messages.ends_with(&["the guest is off"]), "{messages:?}");
    assert_eq!(lines[0]["cpus"], 1);
    assert!(lines.iter().all(|line| line["level"] == "info" && line["thread"] == "main"));
    let log = temporary("log");
    let _ = fs::remove_file(&log);
    run(&["run", "--log", log.to_str().unwrap(), "--log-level", "debug"]);
    let lines = objects(&fs::read_to_string(&log).unwrap());
    assert!(lines.iter().any(|line| line["thread"] == "vcpu0" && line["level"] == "debug"));
    let output = run(&["run", "--log", "/nowhere/log"]);
    assert_eq!(output.status.code(), Some(1));
    let expected = "onereg-vmm: cannot open the log /nowhere/log: ";
    assert!(stderr(&output).starts_with(expected), "{}", stderr(&output));
}

#[test]
fn metrics_count_exits_and_accesses() {
    if !has_kvm() {
        return;
    }
    let file = temporary("metrics");
    let output = run(&["run", "--cpus", "2", "--metrics", file.to_str().unwrap()]);
    assert!(output.status.success(), "{}", stderr(&output));
    let lines = objects(&fs::read_to_string(&file).unwrap());
    let last = lines.last().unwrap();
    // The first vCPU prints byte by byte, and both halt.
    let bytes = "onereg: hello from vCPU 0 of the built-in guest\n".len();
    assert_eq!(last["vcpus"][0]["write"], bytes, "{last}");
    assert_eq!(last["vcpus"][0]["other"], 1, "{last}");
    assert_eq!(last["vcpus"][1]["write"], 0, "{last}");
    assert_eq!(last["devices"][0]["at"], "port 0x3f8", "{last}");
    assert_eq!(last["devices"][0]["bytes"], bytes, "{last}");
    assert_eq!((&last["memory"]["guest"], &last["machine"]), (&(128 << 20).into(), &1.into()));
    assert!(last["memory"]["resident"].as_u64() > Some(1 << 20), "{last}");
}

#[test]
fn timings_are_in_the_order_of_a_start() {
    if !has_kvm() {
        return;
    }
    let output = run(&["run", "--timings"]);
    let said = stderr(&output);
    let lines: Vec<(u64, &str)> = said
        .lines()
        .map(|line| line.strip_prefix("onereg-vmm: ").unwrap().trim_start())
        .map(|line| line.split_once(" us to ").unwrap())
        .map(|(time, point)| (time.parse().unwrap(), point))
        .collect();
    let points: Vec<_> = lines.iter().map(|(_, point)| *point).collect();
    assert_eq!(points, ["loaded", "first instruction", "first console byte", "init"]);
    assert!(lines.is_sorted() && lines[0].0 > 0, "{said}");
}
