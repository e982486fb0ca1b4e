//! The devices against made-up drivers.

use arbtest::arbtest;

use super::*;

/// How long each test looks for what breaks a device.
const BUDGET_MS: u64 = 1000;

#[test]
fn a_disk_is_asked_for_what_it_has_and_serves_again_after_a_reset() {
    for is_read_only in [false, true] {
        arbtest(|u| torment_disk(u, is_read_only)).budget_ms(BUDGET_MS);
    }
}

#[test]
fn a_source_of_entropy_serves_again_after_a_reset() {
    arbtest(torment_entropy).budget_ms(BUDGET_MS);
}

#[test]
fn a_console_says_and_hears_again_after_a_reset() {
    arbtest(console::torment_console).budget_ms(BUDGET_MS);
}

#[test]
fn a_balloon_takes_pages_again_after_a_reset() {
    arbtest(torment_balloon).budget_ms(BUDGET_MS);
}
