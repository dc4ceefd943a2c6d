//! The short form of the comparison, for the suite. `cargo xtask soak` runs more calls.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use tollgate_soak::Options;

#[test]
fn two_thousand_random_calls_are_charged_to_the_unit() {
    let options = Options { requests: 2000, ..Options::default() };
    let tally = tollgate_soak::run(&options, |_| {}).unwrap();
    println!("{tally}");
    assert!(tally.differences().is_empty(), "seed {}:\n{tally}", options.seed);
}
