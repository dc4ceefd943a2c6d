//! The `tollgate` command.
//!
//! `tollgate test` runs `*.test.yaml` files: requests and upstream answers go through the filters of a chain, as the very
//! module that Envoy loads and with the policy file of production, and what came of them is held against what the test
//! expects. Nothing listens and nothing waits; time is virtual.
//!
//! The way of a test, a module each:
//!
//! ```text
//! file      what a person writes               -> nearest, problem: what is wrong with it, and where
//! plan      the same with everything written out: bodies, headers, policies
//! matrix    the ways of sending it: point      -> boundaries, literals, policy: where cuts are worth trying
//! backend   runs it in one way: observation    (wasm: tollgate-host; envoy: a real one)
//! expect    what is not as expected            -> secrets: what may be shown
//! lengths   whether bodies end where they should, in every way
//! agree     what is not the same in two ways   -> shrink: the plainest way that shows it
//! run       all of that, several at a time: outcome
//! report    pretty, json, junit, github, sarif; coverage
//! ```
//!
//! What a filter does must not depend on how bytes arrive. So a test is run in every way that could matter, and has to
//! come to the same in all; this is where filters of others have failed (`end_of_stream` that never comes with trailers,
//! a value cut between two chunks).
//!
//! ```
//! use std::path::Path;
//! use tollgate::plan::Suite;
//!
//! let text = r#"
//! version: 1
//! chain:
//! - filter: prompt-inspector
//!   config: {rules: [{id: word, match: {keywords: [heron]}, action: block}]}
//! tests:
//! - name: the word is blocked
//!   request: {chat: {user: "a heron"}}
//!   expect: {verdict: block, rules: [word], upstream: untouhced}
//! "#;
//! let problem = Suite::parse(Path::new("policy.test.yaml"), text).unwrap_err();
//! assert_eq!(problem.to_string(), "policy.test.yaml:9:43: unknown word `untouhced`: did you mean `untouched`?");
//! assert!(Suite::parse(Path::new("policy.test.yaml"), &text.replace("hced", "ched")).is_ok());
//! ```

pub mod args;
pub mod backend;
pub mod command;
pub mod content_length;
pub mod coverage;
pub mod cut_points;
pub mod delivery;
pub mod discover;
pub mod expect;
pub mod file;
pub mod firewall_rules;
pub mod literals;
pub mod matrix;
pub mod mismatch;
pub mod nearest;
pub mod observation;
pub mod plan;
pub mod problem;
pub mod report;
pub mod run;
pub mod schema;
pub mod secrets;
pub mod shrink;
pub mod split_diff;
pub mod test_result;
