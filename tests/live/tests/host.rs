//! The tables against the KVM of this host.
//!
//! Without /dev/kvm the test fails where `CI=true`, and says that it skips elsewhere.

#![cfg(target_os = "linux")]

use std::env;
use std::fs::File;
use std::process::{Command, Output};

#[test]
fn the_tables_agree_with_the_kernel_of_this_host() {
    passes(&[]);
}

#[test]
fn a_filled_vcpu_arrives_in_another_process_as_it_was() {
    passes(&["state"]);
}

#[test]
fn a_vcpu_is_captured_again_by_the_fewest_ioctls_and_without_an_allocation() {
    passes(&["bench", "--times", "1"]);
}

#[test]
fn a_register_that_a_restore_loses_is_named_and_the_guest_misses_it() {
    let (configuration, register) = match env::consts::ARCH {
        "aarch64" => ("plain", "X9"),
        "powerpc64" => ("plain", "GPR9"),
        "riscv64" => ("default", "s9"),
        _ => ("cpuid", "R9"),
    };
    let arguments = ["state", "--only", configuration, "--orders", "0", "--lose", register];
    let Some(output) = run(&arguments) else { return };
    let report = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{report}");
    let failed = |text: &str| report.lines().filter(|line| line.starts_with(text)).count();
    let start = format!("FAILED: {configuration}: ");
    let lost = format!("{start}order 0: {register}");
    // The state twice, and once what the guest makes of it.
    assert_eq!((failed(&start), failed(&lost)), (3, 3), "{report}");
    assert_eq!(failed(&format!("{lost}: the guest sees 0x0000")), 1, "{report}");
}

/// Runs the program, where there is KVM, and has it find nothing.
fn passes(arguments: &[&str]) {
    let Some(output) = run(arguments) else { return };
    let report = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{report}{errors}", output.status);
    println!("{report}");
}

/// Runs the program, where there is KVM.
fn run(arguments: &[&str]) -> Option<Output> {
    if let Err(error) = File::options().read(true).write(true).open("/dev/kvm") {
        let promised = env::var_os("CI").is_some_and(|value| value == "true");
        assert!(!promised, "CI=true promises /dev/kvm, but it does not open: {error}");
        println!("skipped: /dev/kvm does not open: {error}");
        return None;
    }
    Some(Command::new(env!("CARGO_BIN_EXE_onereg-live")).args(arguments).output().unwrap())
}

#[test]
fn a_host_without_kvm_is_told_apart_from_a_failed_check() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_onereg-live"));
    let output = program.args(["--kvm", "/dev/no-kvm"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.starts_with("onereg-live: cannot open /dev/no-kvm: "), "{errors}");
}
