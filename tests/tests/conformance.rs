//! Every register id and width, against the headers and sources of Linux.

use std::io::{self, Write};

use onereg_tests::conformance::{
    Report, check, check_arm64_fields, check_carriers, check_documentation, check_field_macros,
    check_imported, check_named_bits,
};

/// Prints the summary past the test harness, which hides what a passing test prints, and fails on any difference.
fn conforms(report: Result<Report, String>) {
    let report = report.unwrap_or_else(|error| panic!("{error}"));
    io::stdout().write_all(report.summary.as_bytes()).expect("stdout takes the summary");
    let count = report.differences.len();
    assert!(count == 0, "{count} differences:\n{}", report.differences.join("\n"));
}

#[test]
fn arm64() {
    conforms(check("arm64"));
}

#[test]
fn arm64_fields() {
    conforms(check_arm64_fields());
}

#[test]
fn loongarch() {
    conforms(check("loongarch"));
}

#[test]
fn mips() {
    conforms(check("mips"));
}

#[test]
fn powerpc() {
    conforms(check("powerpc"));
}

#[test]
fn riscv32() {
    conforms(check("riscv32"));
}

#[test]
fn riscv64() {
    conforms(check("riscv64"));
}

#[test]
fn s390() {
    conforms(check("s390"));
}

#[test]
fn x86() {
    conforms(check("x86"));
}

#[test]
fn other_ioctls() {
    conforms(check_carriers());
}

#[test]
fn imported_headers() {
    conforms(check_imported());
}

#[test]
fn documentation() {
    conforms(check_documentation());
}

#[test]
fn loongarch_fields() {
    conforms(check_field_macros("loongarch"));
}

#[test]
fn mips_fields() {
    conforms(check_field_macros("mips"));
}

#[test]
fn riscv32_fields() {
    conforms(check_field_macros("riscv32"));
}

#[test]
fn riscv64_fields() {
    conforms(check_field_macros("riscv64"));
}

#[test]
fn s390_fields() {
    conforms(check_field_macros("s390"));
}

#[test]
fn powerpc_fields() {
    conforms(check_named_bits("powerpc"));
}

#[test]
fn x86_fields() {
    conforms(check_named_bits("x86"));
}
