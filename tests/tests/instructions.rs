//! A typed register access costs what the raw ioctl costs.

#![cfg(target_arch = "x86_64")]

use onereg_tests::instructions::instructions;

#[test]
fn a_typed_read_executes_no_more_instructions_than_the_raw_ioctl() {
    let instructions = instructions().unwrap_or_else(|error| panic!("{error}"));
    let calls = |path: &[String]| path.iter().filter(|line| line.starts_with("call")).count();
    assert_eq!(calls(&instructions.by_hand), 1, "{instructions:#?}");
    assert_eq!(calls(&instructions.typed), 1, "{instructions:#?}");
    assert!(instructions.typed.len() <= instructions.by_hand.len(), "{instructions:#?}");
}
