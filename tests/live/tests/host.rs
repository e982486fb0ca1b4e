//! The tables against the KVM of this host.
//!
//! Without /dev/kvm the test fails where `CI=true`, and says that it skips elsewhere.

#![cfg(target_os = "linux")]

use std::env;
use std::fs::File;
use std::process::Command;

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

/// Runs the program, where there is KVM, and has it find nothing.
fn passes(arguments: &[&str]) {
    if let Err(error) = File::options().read(true).write(true).open("/dev/kvm") {
        let promised = env::var_os("CI").is_some_and(|value| value == "true");
        assert!(!promised, "CI=true promises /dev/kvm, but it does not open: {error}");
        return println!("skipped: /dev/kvm does not open: {error}");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_onereg-live")).args(arguments).output().unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{report}{errors}", output.status);
    println!("{report}");
}

#[test]
fn a_host_without_kvm_is_told_apart_from_a_failed_check() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_onereg-live"));
    let output = program.args(["--kvm", "/dev/no-kvm"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.starts_with("onereg-live: cannot open /dev/no-kvm: "), "{errors}");
}
